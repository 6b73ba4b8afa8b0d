import re
from collections.abc import Iterator

import grpc
import pytest

from gateway import errors
from gateway.errors import CannotStart, GatewayError, GrpcCode, error_of_code, shown_name
from places import ROOT

#: What each code is answered with; those of features still to come stand here already.
CONTRACT = {
    "request.malformed": (400, "INVALID_ARGUMENT"),
    "input.invalid": (422, "INVALID_ARGUMENT"),
    "transform.invalid": (422, "INVALID_ARGUMENT"),
    "transform.limit": (422, "INVALID_ARGUMENT"),
    "hook.target_forbidden": (422, "INVALID_ARGUMENT"),
    "media.url_forbidden": (422, "INVALID_ARGUMENT"),
    "media.url_failed": (422, "INVALID_ARGUMENT"),
    "pipeline.invalid": (422, "INVALID_ARGUMENT"),
    "observation.invalid": (422, "INVALID_ARGUMENT"),
    "idempotency.reused": (422, "INVALID_ARGUMENT"),
    "media.limit": (422, "INVALID_ARGUMENT"),
    "media.unsupported": (415, "INVALID_ARGUMENT"),
    "media.unreadable": (422, "INVALID_ARGUMENT"),
    "media.page_range_empty": (422, "INVALID_ARGUMENT"),
    "request.too_large": (413, "RESOURCE_EXHAUSTED"),
    "request.target_too_long": (414, "INVALID_ARGUMENT"),
    "request.headers_too_large": (431, "RESOURCE_EXHAUSTED"),
    "request.incomplete": (408, "DEADLINE_EXCEEDED"),
    "pipeline.not_found": (404, "NOT_FOUND"),
    "execution.not_found": (404, "NOT_FOUND"),
    "run.not_found": (404, "NOT_FOUND"),
    "media.not_found": (404, "NOT_FOUND"),
    "file.not_found": (404, "NOT_FOUND"),
    "artifact.not_found": (404, "NOT_FOUND"),
    "hook.not_found": (404, "NOT_FOUND"),
    "delivery.not_found": (404, "NOT_FOUND"),
    "hook.exists": (409, "ALREADY_EXISTS"),
    "auth.missing": (401, "UNAUTHENTICATED"),
    "auth.invalid": (401, "UNAUTHENTICATED"),
    "auth.forbidden": (403, "PERMISSION_DENIED"),
    "auth.unavailable": (503, "UNAVAILABLE"),
    "pipeline.exists": (409, "ALREADY_EXISTS"),
    "idempotency.in_flight": (409, "ABORTED"),
    "execution.taken": (409, "ALREADY_EXISTS"),
    "run.finished": (409, "FAILED_PRECONDITION"),
    "pipeline.archived": (409, "FAILED_PRECONDITION"),
    "pipeline.drifted": (409, "FAILED_PRECONDITION"),
    "result.gone": (410, "NOT_FOUND"),
    "rate.limited": (429, "RESOURCE_EXHAUSTED"),
    "route.not_found": (404, "NOT_FOUND"),
    "route.method_not_allowed": (405, "UNIMPLEMENTED"),
    "queue.full": (429, "RESOURCE_EXHAUSTED"),
    "triton.overloaded": (429, "RESOURCE_EXHAUSTED"),
    "triton.failed": (502, "INTERNAL"),
    "pipeline.wiring_invalid": (502, "INTERNAL"),
    "triton.unavailable": (503, "UNAVAILABLE"),
    "storage.unavailable": (503, "UNAVAILABLE"),
    "pipeline.not_ready": (503, "UNAVAILABLE"),
    "gateway.draining": (503, "UNAVAILABLE"),
    "worker.lost": (503, "UNAVAILABLE"),
    "run.canceled": (499, "CANCELLED"),
    "run.timeout": (504, "DEADLINE_EXCEEDED"),
    "runtime.unsupported": (501, "UNIMPLEMENTED"),
    "internal": (500, "INTERNAL"),
}
#: Classes that only gather others and are answered under the code of one of them.
GATHERING = (errors.GatewayError, errors.InvalidRequest, errors.MediaRefused, errors.Unavailable)
#: Classes that a caller cannot tell from the one they belong to.
TOLD_AS_ANOTHER = (errors.KeyLost,)
#: Conflicts that a repeat can heal, beside refusals whose status says so.
HEALS_SOON = (errors.KeyInFlight, errors.KeyLost)


def tree(of: type[GatewayError] = GatewayError) -> Iterator[type[GatewayError]]:
    for each in of.__subclasses__():
        if each.__module__.startswith(errors.__name__):
            yield each
            yield from tree(each)


#: Classes that tell the core more than the caller, who sees their parent's code.
REFINING = (errors.ModelDied,)
ANSWERED = [each for each in tree() if each not in (*GATHERING, *REFINING)]


@pytest.mark.parametrize("kind", [*ANSWERED, *REFINING], ids=lambda each: each.__name__)
def test_every_error_has_the_codes_of_the_contract(kind: type[GatewayError]) -> None:
    assert (kind.http, kind.grpc.name) == CONTRACT[kind.code]


def test_no_two_errors_share_a_code() -> None:
    codes = [each.code for each in ANSWERED if each not in TOLD_AS_ANOTHER]
    assert sorted(codes) == sorted(set(codes))


def test_grpc_codes_are_those_of_grpc() -> None:
    theirs = {each.name: each.value[0] for each in grpc.StatusCode}
    assert {each.name: int(each) for each in GrpcCode}.items() <= theirs.items()


@pytest.mark.parametrize("kind", [*ANSWERED, *GATHERING, *REFINING], ids=lambda each: each.__name__)
def test_every_error_says_a_sentence_of_its_own(kind: type[GatewayError]) -> None:
    message = kind().message
    assert message[0].isupper()
    assert message.endswith(".")
    assert "\n" not in message
    assert str(kind()) == message


@pytest.mark.parametrize("kind", ANSWERED, ids=lambda each: each.__name__)
def test_what_a_repeat_can_heal_says_when(kind: type[GatewayError]) -> None:
    assert (kind().retry_after is not None) == (kind.http in (429, 503) or kind in HEALS_SOON)


def test_an_error_may_say_more_than_its_kind() -> None:
    error = errors.PipelineNotReady("Soon.", field="media[0]", retry_after=0.5)
    assert (error.message, error.field, error.retry_after) == ("Soon.", "media[0]", 0.5)
    assert errors.PipelineNotReady().retry_after == 2.0


@pytest.mark.parametrize("name", ["media[12]", "inputs.PROMPT", "a-b_c", "x" * 64])
def test_a_harmless_name_is_shown(name: str) -> None:
    assert shown_name(name) == name


@pytest.mark.parametrize("name", [None, "", "x" * 65, "a b", "größe", "a\n", "<script>", 'a"b', "a/b"])
def test_any_other_name_is_not_shown(name: str | None) -> None:
    assert shown_name(name) is None
    assert errors.InvalidInput(field=name).field is None


def test_what_ends_the_program_reaches_no_caller() -> None:
    assert not issubclass(CannotStart, GatewayError)


@pytest.mark.parametrize("kind", ANSWERED, ids=lambda each: each.__name__)
def test_a_code_alone_is_enough_to_tell_the_error_again(kind: type[GatewayError]) -> None:
    again = error_of_code(kind.code, "As it was.")
    assert (again.code, again.http, again.grpc, again.message) == (kind.code, kind.http, kind.grpc, "As it was.")


def test_a_code_that_nobody_knows_any_more_is_an_unforeseen_failure() -> None:
    assert type(error_of_code("never.was", "As it was.")) is errors.Internal


def test_the_table_of_the_documentation_is_that_of_the_code() -> None:
    table = (ROOT / "docs" / "errors.md").read_text().partition("| code | HTTP |")[2]
    rows = re.findall(r"^\| (`[a-z_., `]+`) \| (\d+)(, Retry-After)? \| ([A-Z_]+) \|", table, re.MULTILINE)
    told = {
        code: (int(http), grpc_name, bool(again))
        for codes, http, again, grpc_name in rows
        for code in re.findall(r"`([^`]+)`", codes)
    }
    assert told == {kind.code: (kind.http, kind.grpc.name, kind.retry_after is not None) for kind in ANSWERED}
