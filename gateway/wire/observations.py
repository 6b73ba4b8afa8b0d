"""Observations that callers send: the entries in them, each content kept as it came."""

from typing import Final

import msgspec

from gateway.domain.observations import RESERVED, Given
from gateway.errors import InvalidRequest, ObservationInvalid
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
        ObservationInvalid: it is not an observation, or holds linked documents, which are not kept.
    """
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
    entries = tuple(_given(entry, index) for index, entry in enumerate(asked.media_contents or []))
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
    content = {key: value for key, value in entry.items() if key not in RESERVED}
    entry_id = _optional_text(entry, "id", index)
    if entry_id is not None and not 0 < len(entry_id) <= 128:
        raise ObservationInvalid("The ID of an entry has 1 to 128 characters.", field=f"mediaContents[{index}].id")
    return Given(entry_id, _optional_text(entry, "mediaId", index), msgspec.json.encode(content))


def _optional_text(entry: _Entry, key: str, index: int) -> str | None:
    raw = entry.get(key)
    if raw is None or bytes(raw) == b"null":
        return None
    try:
        text = _text.decode(raw)
    except msgspec.ValidationError:
        raise ObservationInvalid("The field is not text.", field=f"mediaContents[{index}].{key}") from None
    if "\0" in text:
        raise ObservationInvalid("The field holds NUL.", field=f"mediaContents[{index}].{key}")
    return text
