"""Observations that callers send: the entries in them, each content kept as it came."""

from typing import Final

import msgspec

from gateway.domain.nesting import too_deep
from gateway.domain.observations import RESERVED, Given
from gateway.errors import InvalidRequest, ObservationInvalid
from gateway.limits import (
    MAX_ENTRY_BYTES,
    MAX_GIVEN_ENTRIES,
    MAX_ID_CHARACTERS,
    MAX_JSON_DEPTH,
    MAX_OBSERVATION_BYTES,
)
from gateway.wire.json import decode

_Entry = dict[str, msgspec.Raw]


class ObservationBody(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An observation, as it is also sent out."""

    execution_id: str | None = None
    media_contents: list[_Entry] | None = None
    documents: list[msgspec.Raw] | None = None


_observation: Final = msgspec.json.Decoder(ObservationBody)
_text: Final = msgspec.json.Decoder(str)


def given_entries(body: bytes) -> tuple[Given, ...]:
    """The entries of an observation.

    Raises:
        Malformed: it is not JSON.
        ObservationInvalid: it is not an observation, larger than one may be, or holds linked documents, which are
            not kept.
    """
    if len(body) > MAX_OBSERVATION_BYTES:
        raise ObservationInvalid(f"The observation is larger than {MAX_OBSERVATION_BYTES} bytes.")
    try:
        body.decode()
        asked = decode(body, _observation)
    except UnicodeDecodeError:
        raise ObservationInvalid("The observation is not UTF-8.") from None
    except InvalidRequest as refusal:
        if refusal.http == ObservationInvalid.http:
            raise ObservationInvalid(refusal.message, field=refusal.field) from None
        raise
    if asked.documents:
        raise ObservationInvalid("Linked documents are not kept: leave them out.", field="documents")
    contents = asked.media_contents or []
    if len(contents) > MAX_GIVEN_ENTRIES:
        raise ObservationInvalid(f"The observation has more than {MAX_GIVEN_ENTRIES} entries.", field="mediaContents")
    entries = tuple(_given(entry, index) for index, entry in enumerate(contents))
    _refuse_repeats(entries)
    return entries


def _refuse_repeats(entries: tuple[Given, ...]) -> None:
    seen: set[str] = set()
    for index, each in enumerate(entries):
        if each.entry_id in seen:
            raise ObservationInvalid("Two entries have the same ID.", field=f"mediaContents[{index}].id")
        if each.entry_id is not None:
            seen.add(each.entry_id)


def _given(entry: _Entry, index: int) -> Given:
    content = msgspec.json.encode({key: value for key, value in entry.items() if key not in RESERVED})
    if len(content) > MAX_ENTRY_BYTES:
        raise ObservationInvalid(f"The entry is larger than {MAX_ENTRY_BYTES} bytes.", field=f"mediaContents[{index}]")
    if too_deep(content):
        raise ObservationInvalid(
            f"The entry is nested deeper than {MAX_JSON_DEPTH} arrays and objects.", field=f"mediaContents[{index}]"
        )
    entry_id = _id(entry, "id", index)
    if entry_id == "":
        raise ObservationInvalid("The ID of an entry is empty.", field=f"mediaContents[{index}].id")
    return Given(entry_id, _id(entry, "mediaId", index), content)


def _id(entry: _Entry, key: str, index: int) -> str | None:
    raw = entry.get(key)
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        text = _text.decode(raw)
    except msgspec.ValidationError:
        raise ObservationInvalid("The field is not text.", field=f"mediaContents[{index}].{key}") from None
    if "\0" in text:
        raise ObservationInvalid("The field holds NUL.", field=f"mediaContents[{index}].{key}")
    if len(text) > MAX_ID_CHARACTERS:
        raise ObservationInvalid(
            f"An ID has at most {MAX_ID_CHARACTERS} characters.", field=f"mediaContents[{index}].{key}"
        )
    return text
