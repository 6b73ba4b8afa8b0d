"""Names and numbers that callers give in addresses and headers: one form each, and no other error than a refusal."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.api.request_id import request_id
from gateway.api.rest.event_stream import last_event_id
from gateway.api.rest.runs import wait_seconds
from gateway.core.executions import place
from gateway.domain.ids import EXECUTION_ID, is_uuid, known_form, new_id
from gateway.domain.keys import digest, key_text
from gateway.errors import ExecutionNotFound, InvalidInput
from gateway.limits import MAX_WAIT
from gateway.wire import fields

NEARLY = st.text(st.sampled_from("aZ09._-/~ \0\n\r\t\"'é²٣"), max_size=140)


@given(st.text(max_size=140) | NEARLY | st.from_regex(EXECUTION_ID, fullmatch=True))
@example("..")
@example("a\n")
def test_the_name_of_an_execution_is_one_everywhere_or_nowhere(name: str) -> None:
    proper = re.fullmatch(r"[A-Za-z0-9._-]{1,128}", name, re.ASCII) is not None and name not in (".", "..")
    assert (EXECUTION_ID.fullmatch(name) is not None) == proper
    assert (re.search(fields.EXECUTION_ID, name) is not None) >= proper
    try:
        assert known_form(name) == name
        assert proper
    except ExecutionNotFound:
        assert not proper


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=260) | st.text(max_size=20) | NEARLY)
@example('"')
@example('""')
@example('"""')
def test_a_key_is_the_same_bare_and_in_quotes(key: str) -> None:
    try:
        bare = key_text(key)
    except InvalidInput as refused:
        assert refused.field == "Idempotency-Key"
        return
    if bare is None:
        assert key == ""
    else:
        assert bare.isascii()
        assert 1 <= len(bare) <= 255
        assert key_text(f'"{bare}"') == bare
        assert len({digest(owner, text) for owner in ("", "a", bare) for text in (bare, bare + "x")}) >= 4


@given(st.text(max_size=25) | st.from_regex(r"[0-9]{1,30}", fullmatch=True) | NEARLY)
def test_a_cursor_is_a_number_that_a_database_holds(cursor: str) -> None:
    try:
        found = place(cursor)
    except InvalidInput as refused:
        assert refused.field == "cursor"
    else:
        assert found is not None
        assert 0 <= found < 2**63


@given(st.text(max_size=25) | st.from_regex(r"[0-9.]{1,12}s?", fullmatch=True) | NEARLY)
def test_a_wait_is_within_its_limit(given_wait: str) -> None:
    try:
        assert 0 <= wait_seconds(given_wait) <= MAX_WAIT
    except InvalidInput as refused:
        assert refused.field == "wait"


@given(st.text(max_size=25) | st.from_regex(r"[0-9]{1,30}", fullmatch=True) | NEARLY)
def test_the_number_of_an_event_is_a_number(header: str) -> None:
    try:
        found = last_event_id(header)
    except InvalidInput as refused:
        assert refused.field == "Last-Event-ID"
    else:
        assert found is not None
        assert found >= 0


@given(st.text(max_size=140) | NEARLY)
def test_a_request_has_a_proper_name_whatever_the_caller_calls_it(name: str) -> None:
    found = request_id(name)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,128}", found, re.ASCII)
    assert found == name or is_uuid(found)


@given(st.text(max_size=50) | st.uuids().map(str) | st.uuids().map(lambda each: each.urn) | NEARLY)
def test_only_one_spelling_names_a_record(text: str) -> None:
    assert is_uuid(text) == bool(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text.lower()))
    assert is_uuid(new_id())
