import pytest

from gateway.adapters.triton.failures import translate, unavailable
from gateway.errors import (
    GatewayError,
    MediaLimit,
    MediaUnreadable,
    ModelDied,
    PipelineNotReady,
    TritonFailed,
    TritonOverloaded,
    TritonUnavailable,
)
from gateway.limits import MAX_REFUSAL_CHARACTERS

TRACEBACK = (
    "in ensemble 'ocr', Failed to process the request(s) for model 'decode_0_0', message: KeyError: 'secret'\n\n"
    "At:\n  /models/decode/1/model.py(30): execute\n"
)


def translated(text: str, *, refused: bool = False) -> GatewayError:
    return translate(text, refused=refused, model="ocr")


@pytest.mark.parametrize("before", ["in ensemble 'ocr', ", ""])
def test_a_steps_refusal_is_shown_with_the_steps_name(before: str) -> None:
    error = translated(f"{before}decode: the media is not an image this step can read (PNG, JPEG, TIFF)", refused=True)
    assert type(error) is MediaUnreadable
    assert error.message == ("Step decode refused it: the media is not an image this step can read (PNG, JPEG, TIFF).")


def test_a_refusal_of_size_is_a_limit() -> None:
    error = translated("in ensemble 'ocr', decode: media.limit: more than 64 million pixels.", refused=True)
    assert type(error) is MediaLimit
    assert error.message == "Step decode refused it: more than 64 million pixels."


@pytest.mark.parametrize("text", ["decode: no", "decode: media.limit: no"])
def test_what_triton_does_not_blame_on_the_input_is_no_refusal(text: str) -> None:
    error = translated(text)
    assert type(error) is TritonFailed
    assert error.message == "A model failed on this input."


@pytest.mark.parametrize("refused", [True, False])
def test_a_traceback_is_never_shown(refused: bool) -> None:
    error = translated(TRACEBACK, refused=refused)
    assert type(error) is TritonFailed
    assert error.message == "A model failed on this input."


def test_a_refusal_is_cut_to_its_limit_and_shows_only_what_is_printable() -> None:
    error = translated("decode: \x1b[31mred\x00" + "x" * 1000, refused=True)
    assert error.message == f"Step decode refused it: {('[31mred' + 'x' * 1000)[:MAX_REFUSAL_CHARACTERS]}."


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("in ensemble 'ocr', Stub process 'decode_0_0' is not healthy.", ModelDied),
        ("Stub process 'decode_0_0' is not healthy.", ModelDied),
        ("Failed to initialize stub, stub process exited unexpectedly: decode_0_0", PipelineNotReady),
        ("Request for unknown model: 'ocr' is not found", PipelineNotReady),
        ("Request for unknown model: 'ocr' version 1 is not at ready state", PipelineNotReady),
        ("Request for unknown model: 'ocr' has no available versions", PipelineNotReady),
        ("in ensemble 'ocr', Exceeds maximum queue size", TritonOverloaded),
        ("[request id: 1] unexpected shape for input 'X' for model 'ocr'. Expected [1], got [2]", TritonFailed),
        ("something else", TritonFailed),
        ("", TritonFailed),
    ],
)
@pytest.mark.parametrize("refused", [True, False])
def test_what_triton_says_becomes_an_error_of_ours_in_fixed_words(
    text: str, kind: type[GatewayError], refused: bool
) -> None:
    error = translated(text, refused=refused)
    assert type(error) is kind
    assert "_0_0" not in error.message
    assert "'" not in error.message.replace("Triton's", "")


def test_a_death_names_the_instance_to_the_core_alone() -> None:
    error = translated("in ensemble 'ocr', Stub process 'text_detect_0' is not healthy.")
    assert isinstance(error, ModelDied)
    assert error.instance == "text_detect_0"
    assert error.code == PipelineNotReady.code


def test_what_kept_triton_away_goes_to_the_log_and_not_to_the_caller(caplog: pytest.LogCaptureFixture) -> None:
    error = unavailable("failed to connect to 10.0.0.1")
    assert error.message == TritonUnavailable().message
    assert [record.getMessage() for record in caplog.records] == ["triton.unavailable"]


def test_only_the_first_line_of_a_refusal_is_shown() -> None:
    error = translated("decode: ValueError: bad\n\nAt:\n  /models/decode/1/model.py(30): execute\n", refused=True)
    assert "/models" not in error.message


def test_a_refusal_without_a_reason_is_a_failure() -> None:
    assert type(translated("decode: \n", refused=True)) is TritonFailed


def test_a_model_s_own_not_found_is_a_failure_and_no_readiness() -> None:
    assert type(translated("FileNotFoundError: weights not found", refused=False)) is TritonFailed
