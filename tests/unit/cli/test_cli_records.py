import json
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from unit.cli.fake_gateway import Answer, Asked, FakeGateway, faking, observation, problem


def invoke(fake: FakeGateway, *arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, [*arguments, "--url", fake.url], input=stdin)


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def pages(path: str, rows: list[list[dict[str, object]]]) -> Callable[[Asked], Answer]:
    def answering(asked: Asked) -> Answer:
        at = int(asked.path.partition("cursor=")[2] or 0)
        link = {"Link": f'<{path}?cursor={at + 1}>; rel="next"'} if at + 1 < len(rows) else {}
        return Answer(rows[at], headers=link)

    return answering


def test_a_list_is_read_page_after_page_up_to_the_limit() -> None:
    rows: list[list[dict[str, object]]] = [[{"executionId": "a"}], [{"executionId": "b"}], [{"executionId": "c"}]]
    with faking(pages("/v1/executions", rows)) as fake:
        assert [row["executionId"] for row in lines(invoke(fake, "execution", "list"))] == ["a", "b", "c"]
        assert len(fake.asked) == 3
        limited = invoke(fake, "execution", "list", "--limit", "2", "--tag", "x y", "--status", "failed")
        assert [row["executionId"] for row in lines(limited)] == ["a", "b"]
        assert len(fake.asked) == 5
        assert len(lines(invoke(fake, "execution", "list", "--all", "--limit", "1"))) == 3
    assert fake.asked[3].path == "/v1/executions?tag=x+y&status=failed&limit=2"


def test_executions_are_a_table_for_people() -> None:
    row = {"executionId": "order-17", "status": "COMPLETED", "createdAt": "2026-01-01T00:00:00.000Z", "duration": 1.5}
    with faking(lambda _: Answer([row])) as fake:
        table = invoke(fake, "execution", "list", "-o", "text").stdout.splitlines()
    assert table[0].split() == ["executionId", "status", "createdAt", "duration", "tag"]
    assert table[1].split() == ["order-17", "COMPLETED", "2026-01-01T00:00:00.000Z", "1.5"]


@pytest.mark.parametrize(
    ("arguments", "path"),
    [(["execution", "show", "e 1"], "/v1/executions/e%201"), (["run", "show", "r-1"], "/v1/runs/r-1")],
)
def test_a_record_is_shown_as_it_is(arguments: list[str], path: str) -> None:
    with faking(lambda _: Answer({"status": "COMPLETED"})) as fake:
        assert lines(invoke(fake, *arguments)) == [{"status": "COMPLETED"}]
        assert '\n  "status": "COMPLETED"\n' in invoke(fake, *arguments, "-o", "text").stdout
    assert fake.asked[0].path == path


def test_what_is_not_there_is_one_sentence_and_exit_code_1() -> None:
    with faking(lambda _: problem("execution.not_found", "There is no execution with this ID.", 404)) as fake:
        result = invoke(fake, "execution", "show", "gone")
    assert (result.exit_code, result.stderr) == (1, "Error: There is no execution with this ID.\n")


def test_runs_are_lines_on_a_pipe_and_a_table_for_people() -> None:
    rows: list[dict[str, object]] = [{"runId": "r-1", "state": "failed", "error": {"code": "triton.failed"}}]
    with faking(pages("/v1/executions/e-1/runs", [rows, rows])) as fake:
        assert lines(invoke(fake, "run", "list", "e-1")) == rows * 2
        assert "triton.failed" in invoke(fake, "run", "list", "e-1", "-o", "text").stdout


def test_removing_goes_on_past_what_is_not_there() -> None:
    def answering(asked: Asked) -> Answer:
        gone = asked.path.endswith("/b")
        return (
            problem("execution.not_found", "There is no execution with this ID.", 404) if gone else Answer(status=204)
        )

    with faking(answering) as fake:
        result = invoke(fake, "execution", "delete", "a", "b", "c")
    assert (result.exit_code, result.stderr) == (1, "Error: b: There is no execution with this ID.\n")
    assert [(each.method, each.path) for each in fake.asked] == [
        ("DELETE", f"/v1/executions/{name}") for name in ("a", "b", "c")
    ]


@pytest.mark.parametrize(("said", "flags", "removed"), [("n\n", [], 0), ("y\n", [], 1), ("", ["--yes"], 1)])
def test_on_a_terminal_removing_asks_first(
    monkeypatch: pytest.MonkeyPatch, said: str, flags: list[str], removed: int
) -> None:
    monkeypatch.setattr("gateway.cli.execution.on_terminal", lambda: True)
    with faking(lambda _: Answer(status=204)) as fake:
        result = invoke(fake, "execution", "delete", "a", *flags, stdin=said)
    assert (len(fake.asked), result.exit_code) == (removed, 1 - removed)


def test_an_observation_is_passed_on_byte_for_byte_on_a_pipe() -> None:
    document = b'{"executionId":"e-1", "mediaContents":[], "documents":[]}'
    with faking(lambda _: Answer(document)) as fake:
        assert invoke(fake, "observation", "show", "e-1").stdout_bytes == document + b"\n"


def test_for_people_an_observation_is_its_text_or_what_else_there_is() -> None:
    document = observation("TOTAL 16.20\n")
    document["mediaContents"].append({"id": "2", "runId": "r-1", "imageHash": "3c"})
    with faking(lambda _: Answer(document)) as fake:
        shown = invoke(fake, "observation", "show", "e-1", "-o", "text").stdout
    assert shown == 'TOTAL 16.20\n\n{\n  "imageHash": "3c"\n}\n'


def test_the_plain_form_of_an_observation_is_asked_for() -> None:
    with faking(lambda _: Answer({"INVOICE": 1})) as fake:
        assert lines(invoke(fake, "observation", "show", "e-1", "--plain")) == [{"INVOICE": 1}]
    assert fake.asked[0].path == "/v1/executions/e-1/observation/json"


def test_a_transform_is_sent_as_it_is_or_read_from_standard_input() -> None:
    with faking(lambda _: Answer("A")) as fake:
        assert invoke(fake, "observation", "transform", "e-1", "größe").stdout == '"A"\n'
        invoke(fake, "observation", "transform", "e-1", "-", stdin="a.b")
    assert [each.body.decode() for each in fake.asked] == ["größe", "a.b"]


def test_what_is_not_a_gateway_is_called_so() -> None:
    with faking(lambda _: Answer(b"<html>", 502)) as fake:
        result = invoke(fake, "run", "show", "x")
        assert (result.exit_code, result.stderr) == (
            1,
            f"Error: What answers at {fake.url} is not a gateway: name another with --url.\n",
        )
    with faking(lambda _: Answer(b"<html>")) as fake:
        assert "is not a gateway" in invoke(fake, "pipeline", "list").stderr


@pytest.mark.parametrize(("state", "code"), [("completed", 0), ("failed", 1), ("canceled", 1)])
def test_a_run_is_waited_for_until_it_has_ended(state: str, code: int) -> None:
    looks = iter([Answer({"state": "running", "done": False})])
    with faking(lambda _: next(looks, Answer({"state": state, "done": True}))) as fake:
        result = invoke(fake, "run", "wait", "r-1")
    assert (result.exit_code, lines(result)) == (code, [{"state": state, "done": True}])
    assert [asked.path for asked in fake.asked] == ["/v1/runs/r-1?wait=30.000"] * 2


def test_a_run_that_has_not_ended_in_time_goes_on() -> None:
    with faking(lambda _: Answer({"state": "running", "done": False})) as fake:
        result = invoke(fake, "run", "wait", "r-1", "--timeout", "0.01")
    assert (result.exit_code, result.stderr) == (1, "Error: The run has not ended within 0.01 s, and goes on.\n")


def test_a_run_is_watched_to_its_end_across_streams_that_end_before() -> None:
    def event(number: int, state: str, **more: object) -> bytes:
        data = json.dumps({"runId": "r-1", "state": state, **more})
        return f": \nid: {number}\nevent: {state}\ndata: {data}\n\n".encode()

    streams = iter(
        [
            b": \nretry: 1000\n\n" + event(1, "queued", sequence=1, at="T1"),
            event(2, "running", sequence=2, at="T2") + event(3, "completed", done=True, completedAt="T3"),
        ]
    )
    with faking(lambda _: Answer(next(streams))) as fake:
        result = invoke(fake, "run", "watch", "r-1", "-o", "text")
    assert result.stdout.splitlines() == ["T1  queued", "T2  running", "T3  completed"]
    assert [asked.path for asked in fake.asked] == [f"/v1/runs/r-1/events?after={number}" for number in (0, 1)]


def test_a_stream_that_says_why_it_ends_is_a_refusal() -> None:
    said = b'event: error\ndata: {"code":"run.not_found","message":"There is no run with this ID."}\n\n'
    with faking(lambda _: Answer(said)) as fake:
        result = invoke(fake, "run", "watch", "r-1")
    assert (result.exit_code, result.stderr) == (1, "Error: There is no run with this ID.\n")


def test_a_run_is_canceled_and_shown() -> None:
    with faking(lambda _: Answer({"state": "canceled"}, 202)) as fake:
        assert lines(invoke(fake, "run", "cancel", "r-1")) == [{"state": "canceled"}]
    assert (fake.asked[0].method, fake.asked[0].path) == ("POST", "/v1/runs/r-1/cancel")
