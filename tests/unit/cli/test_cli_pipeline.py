import base64
import json
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import main
from unit.cli.fake_gateway import Answer, Answering, Asked, FakeGateway, faking, observation, problem, ran


def invoke(fake: FakeGateway, *arguments: object) -> Result:
    return CliRunner().invoke(main, [*map(str, arguments), "--url", fake.url])


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def found(text: str) -> Answering:
    return lambda _: ran(observation(text))


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.png"
    path.write_bytes(bytes(range(256)) * 3000)
    return path


def test_a_file_becomes_one_line_with_its_observation(scan: Path) -> None:
    with faking(found("INVOICE")) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan)
    expected = {"file": str(scan), "executionId": "e-1", "runId": "r-1", "observation": observation("INVOICE")}
    assert (result.exit_code, lines(result)) == (0, [expected])
    assert fake.asked[0].path == "/v1/pipelines/ocr/executeSync"


@pytest.mark.parametrize("size", [1, 2, 3, 196_607, 196_608, 196_609, 500_000])
def test_the_media_arrive_byte_for_byte_whatever_their_size(tmp_path: Path, size: int) -> None:
    path = tmp_path / "media"
    path.write_bytes(bytes(index % 251 for index in range(size)))
    with faking(found("")) as fake:
        assert invoke(fake, "pipeline", "run", "ocr", path).exit_code == 0
    assert base64.b64decode(fake.asked[0].json["media"][0], validate=True) == path.read_bytes()


def test_flags_become_the_fields_of_the_call(scan: Path, tmp_path: Path) -> None:
    question = tmp_path / "question.txt"
    question.write_text("how long?")
    flags = ["-p", "N=-1", "-p", "Q=a b", "-p", 'T="1"', "-p", f"F=@{question}", "--execution", "order-17"]
    more = ["--tag", "invoices", "--meta", '{"customer": 4}', "--text", "hello", "--timeout", "9", "--idempotent"]
    with faking(found("")) as fake:
        assert invoke(fake, "pipeline", "run", "ocr", scan, *flags, *more).exit_code == 0
    sent = fake.asked[0].json
    del sent["media"]
    assert sent == {
        "executionId": "order-17",
        "text": "hello",
        "inputs": {"N": -1, "Q": "a b", "T": "1", "F": "how long?"},
        "tag": "invoices",
        "metaData": {"customer": 4},
        "timeout": 9.0,
        "idempotent": True,
    }


def test_without_a_file_a_call_on_text_or_stored_media_has_no_media() -> None:
    with faking(found("x")) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", "--execution", "order-17")
    assert fake.asked[0].json == {"executionId": "order-17"}
    assert lines(result)[0]["file"] is None


def test_the_key_and_the_address_come_from_the_environment(scan: Path) -> None:
    with faking(found("")) as fake:
        environment = {"GATEWAY_URL": f"{fake.url}/", "GATEWAY_API_KEY": "k-1"}
        assert CliRunner().invoke(main, ["pipeline", "run", "ocr", str(scan)], env=environment).exit_code == 0
    assert fake.asked[0].headers["x-api-key"] == "k-1"


def test_broken_files_do_not_stop_the_others_and_the_exit_code_is_1(scan: Path, tmp_path: Path) -> None:
    def answering(asked: Asked) -> Answer:
        if asked.json["media"] == ["YmFk"]:
            return problem("media.unreadable", "Step decode refused it.", 422)
        return ran(observation("fine"))

    bad = tmp_path / "bad.png"
    bad.write_bytes(b"bad")
    with faking(answering) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan, bad, tmp_path / "gone", tmp_path)
    by_file = {line["file"]: line.get("error") for line in lines(result)}
    assert result.exit_code == 1
    assert by_file == {
        str(scan): None,
        str(bad): "Step decode refused it.",
        str(tmp_path / "gone"): "No such file or directory.",
        str(tmp_path): "It is a folder: name it with --dir.",
    }


def test_a_folder_is_walked_in_order_without_what_is_hidden(tmp_path: Path) -> None:
    for name in ("b/2.png", "a.png", ".hidden.png", ".git/x", "b/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    with faking(found("")) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", "--dir", tmp_path, "--parallel", 1)
    assert [str(line["file"]).removeprefix(f"{tmp_path}/") for line in lines(result)] == ["a.png", "b/1.png", "b/2.png"]


def test_as_many_calls_as_asked_for_are_in_hand_at_once(tmp_path: Path) -> None:
    together = threading.Barrier(3, timeout=20)

    def answering(_: Asked) -> Answer:
        together.wait()
        return ran(observation(""))

    for index in range(6):
        (tmp_path / f"{index}").write_bytes(b"x")
    with faking(answering) as fake:
        assert invoke(fake, "pipeline", "run", "ocr", "--dir", tmp_path, "--parallel", 3).exit_code == 0


def test_a_transform_stands_in_the_place_of_the_observation(scan: Path) -> None:
    with faking(lambda _: ran(b'["INV-1"]')) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan, "--transform", "mediaContents.rawText")
    assert lines(result)[0]["transformed"] == ["INV-1"]
    assert "observation" not in lines(result)[0]
    assert fake.asked[0].path == "/v1/pipelines/ocr/executeSync/transform"
    assert fake.asked[0].json["transform"] == "mediaContents.rawText"
    assert fake.asked[0].headers["accept"] == "application/json"


def test_an_observation_of_several_lines_stays_one_line(scan: Path) -> None:
    with faking(lambda _: ran(json.dumps(observation("a\nb"), indent=2).encode())) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan)
    assert [line["observation"] for line in lines(result)] == [observation("a\nb")]


def test_for_people_the_text_is_printed_without_what_a_terminal_would_obey(scan: Path) -> None:
    with faking(found("TOTAL\n\x1b]0;owned\x07 1.00")) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan, "-o", "text")
    assert result.stdout.splitlines() == [str(scan), "TOTAL", "\ufffd]0;owned\ufffd 1.00"]


def background(run: dict[str, object], entries: dict[str, object]) -> Answering:
    def answering(asked: Asked) -> Answer:
        if asked.path.endswith("/executeAsync"):
            return Answer({"executionId": "e-1", "runId": "r-1"}, 202)
        return Answer(run if asked.path.startswith("/v1/runs/r-1?wait=") else entries)

    return answering


def test_async_gives_the_ids_at_once(scan: Path) -> None:
    with faking(background({}, {})) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan, "--async")
    assert lines(result) == [{"file": str(scan), "executionId": "e-1", "runId": "r-1"}]
    assert len(fake.asked) == 1


def test_async_and_wait_gives_what_the_run_found(scan: Path) -> None:
    with faking(background({"runId": "r-1", "state": "completed", "done": True}, observation("read"))) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan, "--async", "--wait")
    expected = {"file": str(scan), "executionId": "e-1", "runId": "r-1", "observation": observation("read")}
    assert lines(result) == [expected]


def test_async_and_wait_on_an_execution_leaves_out_what_other_runs_found(scan: Path) -> None:
    mine = observation("mine")
    entries = mine | {"mediaContents": [{"id": "0", "runId": "r-0"}, *mine["mediaContents"], {"id": "2"}]}
    with faking(background({"runId": "r-1", "state": "completed", "done": True}, entries)) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan, "--async", "--wait", "--execution", "e-1")
    assert lines(result)[0]["observation"] == mine


def test_async_and_wait_gives_the_error_of_a_run_that_failed(scan: Path) -> None:
    failed = {
        "state": "failed",
        "done": True,
        "error": {"code": "triton.failed", "message": "A model failed on this input."},
    }
    with faking(background(failed, {})) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan, "--async", "--wait")
    assert (result.exit_code, lines(result)) == (
        1,
        [{"file": str(scan), "error": "A model failed on this input."}],
    )


def test_the_waiting_ends_with_the_timeout_and_says_that_the_run_goes_on(scan: Path) -> None:
    with faking(background({"state": "running"}, {})) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan, "--async", "--wait", "--timeout", "0.01")
    assert "gateway run show r-1" in str(lines(result)[0]["error"])


def test_the_waiting_bears_a_gateway_that_is_away_for_a_while(scan: Path) -> None:
    away = iter([problem("storage.unavailable", "Away.", 503, Retry_After="2")])
    answering = background({"state": "completed", "done": True}, observation("read"))
    with faking(lambda asked: next(away, answering(asked)) if "/runs/" in asked.path else answering(asked)) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan, "--async", "--wait")
    assert result.exit_code == 0


def test_a_full_queue_is_asked_again_and_another_refusal_is_not(scan: Path) -> None:
    full = iter([problem("queue.full", "Full.", 429, Retry_After="0")])
    with faking(lambda _: next(full, ran(observation("x")))) as fake:
        assert invoke(fake, "pipeline", "run", "ocr", scan).exit_code == 0
    assert len(fake.asked) == 2
    with faking(lambda _: problem("storage.unavailable", "Away.", 503, Retry_After="0")) as fake:
        assert invoke(fake, "pipeline", "run", "ocr", scan).exit_code == 1
    assert len(fake.asked) == 1


def test_where_no_gateway_answers_one_sentence_says_what_to_do(scan: Path) -> None:
    result = CliRunner().invoke(main, ["pipeline", "run", "ocr", str(scan), str(scan), "--url", "http://127.0.0.1:1"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: No gateway answers at http://127.0.0.1:1: start one with gateway serve, or name another with --url.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Nothing to run on"),
        (["x", "--wait"], "--wait belongs to --async"),
        (["x", "--async", "--transform", "a"], "leave --async away"),
        (["x", "--param", "novalue"], "NAME=VALUE"),
        (["x", "--param", "a=@/nonexistent"], "cannot be read"),
        (["x", "--meta", "[1]"], "not a JSON object"),
        (["x", "--url", "ftp://host"], "http://host:port"),
        (["x", "--api-key", "a\nb"], "--api-key"),
        (["x", "--parallel", "0"], "--parallel"),
        (["x", "--priority", "high"], "belong to --async"),
        (["x", "y", "--key", "k"], "--key names one call"),
        (["--dir", "/nonexistent"], "--dir"),
    ],
)
def test_a_mistake_of_usage_is_exit_code_2_and_a_sentence(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(main, ["pipeline", "run", "ocr", *arguments])
    assert result.exit_code == 2
    assert said in result.stderr


def test_pipelines_are_lines_on_a_pipe_and_a_table_for_people() -> None:
    row = {"pipelineId": "ocr", "status": "READY", "inputs": [{"name": "IMAGE"}], "outputs": None, "new": 1}
    with faking(lambda _: Answer([row])) as fake:
        assert lines(invoke(fake, "pipeline", "list")) == [row]
        table = invoke(fake, "pipeline", "list", "-o", "text").stdout
    assert table.splitlines()[1].split() == ["ocr", "READY", "IMAGE"]


def test_a_pipeline_is_shown_as_it_is() -> None:
    shown = {"pipeline": {"pipelineId": "a/b"}, "pipelineDefinition": {}}
    with faking(lambda _: Answer(shown)) as fake:
        assert lines(invoke(fake, "pipeline", "show", "a/b")) == [shown]
    assert fake.asked[0].path == "/v1/pipelines/a%2Fb"


def test_files_and_urls_are_named_in_one_call_of_their_own(scan: Path) -> None:
    flags = ["--file-id", "f-1", "--media-url", "https://there.example/a.png", "--file-id", "f-2"]
    with faking(found("x")) as fake:
        assert invoke(fake, "pipeline", "run", "ocr", *flags).exit_code == 0
        assert invoke(fake, "pipeline", "run", "ocr", scan, *flags).exit_code == 2
    (asked,) = fake.asked
    assert asked.json == {"media": [{"fileId": "f-1"}, {"fileId": "f-2"}, {"url": "https://there.example/a.png"}]}


def test_ctrl_c_is_exit_code_130(scan: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gateway.cli.pipeline.lines", interrupt)
    assert CliRunner().invoke(main, ["pipeline", "run", "ocr", str(scan)]).exit_code == 130


def test_a_call_whose_answer_was_lost_is_asked_again_under_the_same_key(scan: Path) -> None:
    cut = Answer(b"{", headers={"Content-Length": "9", "Connection": "close"})
    lost = iter([cut, problem("idempotency.in_flight", "Wait.", 409)])
    with faking(lambda _: next(lost, ran(observation("once")))) as fake:
        result = invoke(fake, "pipeline", "run", "ocr", scan)
    assert [line["observation"] for line in lines(result)] == [observation("once")]
    assert len({asked.headers["idempotency-key"] for asked in fake.asked}) == 1
    assert len(fake.asked) == 3


def test_each_file_has_a_key_of_its_own_and_one_file_may_have_the_callers(scan: Path) -> None:
    with faking(found("")) as fake:
        invoke(fake, "pipeline", "run", "ocr", scan, scan)
        invoke(fake, "pipeline", "run", "ocr", scan, "--key", "mine")
    first, second, third = (asked.headers["idempotency-key"] for asked in fake.asked)
    assert (len({first, second}), third) == (2, "mine")


def test_a_run_in_the_background_may_be_put_off_and_put_first(scan: Path) -> None:
    with faking(background({}, {})) as fake:
        flags = ["--async", "--priority", "high", "--execute-after", "2026-12-01T08:00:00Z"]
        assert invoke(fake, "pipeline", "run", "ocr", scan, *flags).exit_code == 0
    sent = fake.asked[0].json
    assert (sent["priority"], sent["executeAfter"]) == ("high", "2026-12-01T08:00:00Z")
