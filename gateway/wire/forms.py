"""Forms: which part is a media, which an input of the pipeline, and which a field of the call."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from gateway.domain.media import Brought, Media, check_size, nth
from gateway.domain.media_types import uploaded
from gateway.domain.pipelines import Input, InputRole, Pipeline
from gateway.errors import GatewayError, InvalidInput
from gateway.limits import MAX_INPUTS, MAX_INPUTS_BYTES
from gateway.wire.brought import at_url, brought, checked_filename
from gateway.wire.calls import ExecuteBody, checked_media
from gateway.wire.free_json import json_object, raw_field
from gateway.wire.options import fields_in, given_twice

#: Names of parts that are media whatever the pipeline is.
_MEDIA: Final = frozenset(("media", "file", "files"))
#: Names of parts that say where a media is.
_URLS: Final = frozenset(("url", "file_url"))
_TRUTHS: Final = {"true": True, "1": True, "false": False, "0": False}
_TEXTS: Final = ("text/", "application/json")
#: The type of a part that names none.
_DEFAULT: Final = "text/plain"


class Part(msgspec.Struct, frozen=True):
    """One part of a form."""

    name: str
    data: bytes
    content_type: str | None = None
    #: None where the part is no file.
    filename: str | None = None

    @property
    def declared(self) -> str:
        """The type that it is said to be of."""
        return self.content_type or _DEFAULT

    @property
    def is_file(self) -> bool:
        """Whether it holds the bytes of a media, and not text."""
        return self.filename is not None or not self.declared.lower().startswith(_TEXTS)

    @property
    def is_left_out(self) -> bool:
        """Whether it is what a browser sends where no file was chosen."""
        return self.is_file and not self.filename and not self.data

    def text(self) -> str:
        """What it says.

        Raises:
            InvalidInput: it is not UTF-8.
        """
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            raise InvalidInput("The part is not UTF-8.", field=self.name) from None


class Sorted(msgspec.Struct, frozen=True):
    """The parts of a form, each in its place."""

    fields: ExecuteBody
    media: tuple[Brought, ...]


def sort_form(pipeline: Pipeline, parts: Iterable[Part]) -> Sorted:
    """Put each part in its place: named inputs go before fields of the same name.

    Raises:
        InvalidInput, MediaUnsupported: a part is unknown, given twice, or not of its kind.
    """
    media: list[Part] = []
    named: dict[str, object] = {}
    fields: list[tuple[str, str]] = []
    media_input = pipeline.media_input
    own = _MEDIA if media_input is None else _MEDIA | {media_input.name}
    for part in parts:
        entry = pipeline.named_inputs.get(part.name)
        if part.is_left_out:
            continue
        if part.name in own and (entry is None or part.is_file):
            media.append(part)
        elif entry is not None:
            _put(named, entry, part)
        elif part.name in _URLS:
            media.append(part)
        else:
            fields.append((part.name, part.text()))
    body = _with_inputs(fields_in(fields), named)
    return Sorted(body, tuple(_media(each, index) for index, each in enumerate(checked_media(media))))


def media_of(data: bytes, content_type: str | None, index: int) -> Media:
    """The media that these bytes are: raw, base64 of what is known, or text that is declared as such.

    Raises:
        InvalidInput, MediaUnsupported: it is none of these.
        MediaLimit: it has more bytes than one media may have.
    """
    try:
        found, _ = uploaded(data, content_type)
        check_size(len(found))
    except GatewayError as refusal:
        refusal.field = f"media[{index}]"
        raise
    return Media(nth(index), found)


def _media(part: Part, index: int) -> Brought:
    checked_filename(part.filename, f"media[{index}]")
    if part.is_file:
        return media_of(part.data, part.declared, index)
    return at_url(part.text(), index) if part.name in _URLS else brought(part.text(), index)


def _put(named: dict[str, object], entry: Input, part: Part) -> None:
    if entry.name in named:
        raise given_twice(f"inputs.{entry.name}")
    named[entry.name] = _typed(entry, part.text())


def _typed(entry: Input, text: str) -> object:
    """The plain value of an input that is given as text."""
    if entry.role in (InputRole.JSON, InputRole.NUMBER):
        return _plain(entry, text)
    if entry.role is InputRole.BOOLEAN:
        truth = _TRUTHS.get(text.strip().lower())
        return _plain(entry, text) if truth is None else truth
    return text


def _plain(entry: Input, text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise InvalidInput(f"It is not a {entry.role} as JSON writes it.", field=f"inputs.{entry.name}") from None


def _with_inputs(body: ExecuteBody, named: dict[str, object]) -> ExecuteBody:
    if not named:
        return body
    given = json_object(raw_field(body.inputs), "inputs", most_bytes=MAX_INPUTS_BYTES, most=MAX_INPUTS) or {}
    for name in given.keys() & named.keys():
        raise given_twice(f"inputs.{name}")
    return msgspec.structs.replace(body, inputs=msgspec.Raw(msgspec.json.encode(given | named)))
