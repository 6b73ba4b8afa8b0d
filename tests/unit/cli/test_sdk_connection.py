import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.sdk.call import Call
from gateway.sdk.client import Client
from gateway.sdk.errors import ConnectionLost, NotAGateway, Refused
from unit.cli.fake_gateway import Answer, faking

ALIVE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def scripted(*connections: list[bytes]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives these answers on each connection in turn and then closes it; and all it was sent."""
    heard: list[bytes] = []

    def serve() -> None:
        for answers in connections:
            taken, _ = listener.accept()
            with taken:
                for answer in answers:
                    heard.append(taken.recv(65536))
                    taken.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join(10)


def test_a_connection_is_kept_for_the_next_call() -> None:
    with scripted([ALIVE, ALIVE]) as (url, heard), Client(url) as client:
        assert [client.run("a"), client.run("b")] == [{}, {}]
    assert [each.split()[1] for each in heard] == [b"/v1/runs/a", b"/v1/runs/b"]


def test_a_kept_connection_that_the_server_closed_is_opened_anew_for_what_only_reads() -> None:
    with scripted([ALIVE], [ALIVE]) as (url, heard), Client(url) as client:
        assert [client.run("a"), client.run("b")] == [{}, {}]
    assert len(heard) == 2


def test_an_execute_call_is_never_sent_twice() -> None:
    with scripted([ALIVE, b""]) as (url, heard), Client(url) as client:
        client.run("a")
        with pytest.raises(ConnectionLost):
            client.accept("ocr", Call({}))
    assert [each.split()[0] for each in heard] == [b"GET", b"POST"]


def test_an_answer_that_is_cut_off_is_no_answer() -> None:
    with scripted([ALIVE[:-1]]) as (url, _), Client(url) as client, pytest.raises(ConnectionLost, match="ended before"):
        client.run("a")


def test_an_answer_that_does_not_come_in_time_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Client(url) as client, pytest.raises(ConnectionLost, match=r"did not answer within 0\.05 s"):
            list(client._connections.answer("GET", "/", None, {}, 0.05).gen)


def test_calls_in_hand_can_be_called_off_from_another_thread() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Client(f"http://127.0.0.1:{listener.getsockname()[1]}") as client,
    ):
        failures: list[ConnectionLost] = []

        def call() -> None:
            try:
                client.run("a")
            except ConnectionLost as failure:
                failures.append(failure)

        thread = threading.Thread(target=call)
        thread.start()
        taken, _ = listener.accept()
        with taken:
            taken.recv(65536)
            client.call_off()
            thread.join(10)
        assert len(failures) == 1
        with pytest.raises(ConnectionLost):
            client.run("b")


def test_a_refusal_carries_all_that_the_gateway_said() -> None:
    said = {"code": "media.unreadable", "message": "Bad.", "field": "media[0]", "executionId": "e", "runId": "r"}
    refusal = Answer(said, 422, {"Retry-After": "3"})
    with faking(lambda _: refusal) as fake, Client(fake.url) as client, pytest.raises(Refused) as caught:
        client.run("a")
    found = caught.value
    assert (found.code, found.message, found.field, found.status) == ("media.unreadable", "Bad.", "media[0]", 422)
    assert (found.retry_after, found.execution_id, found.run_id) == (3.0, "e", "r")


def test_a_refusal_before_the_whole_body_was_sent_is_heard(tmp_path: Path) -> None:
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(64 << 20)
    body = b'{"code":"request.too_large","message":"Too big"}'
    refusal = b"HTTP/1.1 413 X\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            taken, _ = listener.accept()
            with taken:
                taken.recv(1024)
                taken.sendall(refusal)
                taken.shutdown(socket.SHUT_WR)
                while taken.recv(1 << 20):
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with Client(url) as client, pytest.raises(Refused, match="Too big"):
            client.accept("ocr", Call({}, path))
        thread.join(10)


def test_a_file_that_shrinks_while_it_is_sent_fails_and_the_next_call_works(tmp_path: Path) -> None:
    path = tmp_path / "media"
    path.write_bytes(b"0123456789")
    call = Call({}, path)
    path.write_bytes(b"0123")
    with faking(lambda _: Answer({"executionId": "e", "runId": "r"}, 202)) as fake, Client(fake.url) as client:
        with pytest.raises(OSError, match="shorter"):
            client.accept("ocr", call)
        assert client.accept("ocr", Call({})).run_id == "r"


def test_a_client_may_stand_behind_a_path() -> None:
    with faking(lambda _: Answer({})) as fake, Client(f"{fake.url}/behind/") as client:
        client.run("a")
    assert fake.asked[0].path == "/behind/v1/runs/a"


def test_an_execute_call_without_its_ids_was_not_answered_by_a_gateway() -> None:
    with faking(lambda _: Answer({})) as fake, Client(fake.url) as client, pytest.raises(NotAGateway):
        client.execute("ocr", Call({}))


@pytest.mark.parametrize("url", ["", "host:1", "ftp://host", "http://", "http://host/?a=1"])
def test_what_is_no_url_of_http_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"form|Port"):
        Client(url)
