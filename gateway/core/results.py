"""From the outputs of an ensemble to the content of one entry, output by output, by role.

A role that no config names is found by what comes: BYTES that hold a JSON object in the vocabulary
of an observation are one, other JSON is `json`, other text is `rawText`; all else is a tensor.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.domain.nesting import too_deep
from gateway.domain.observations import RESERVED, VOCABULARY
from gateway.domain.pipelines import OutputRole, Pipeline
from gateway.domain.tensors import Value, to_plain
from gateway.errors import WiringInvalid
from gateway.limits import MAX_ENTRY_BYTES, MAX_JSON_DEPTH, MAX_OBSERVATION_BYTES

Fields = dict[str, msgspec.Raw]

_TOO_MUCH: Final = f"What the models sent makes more than {MAX_ENTRY_BYTES} bytes of JSON."


def content(pipeline: Pipeline, values: Iterable[Value]) -> bytes:
    """The JSON object that one media's outputs make; an only observation is returned as it came.

    Raises:
        WiringInvalid: an output does not hold what its role says, Triton sent none, or it is more than an entry takes.
    """
    return bounded(_content(pipeline, values))


def bounded(found: bytes) -> bytes:
    """The content of an entry, unless it is more than one takes.

    Raises:
        WiringInvalid: it is.
    """
    if len(found) > MAX_ENTRY_BYTES:
        raise WiringInvalid(_TOO_MUCH)
    if too_deep(found):
        raise WiringInvalid(f"What the models sent is nested deeper than {MAX_JSON_DEPTH} arrays and objects.")
    return found


def whole(contents: list[bytes]) -> list[bytes]:
    """What a run found in all its media, unless it is more than an observation takes from one run.

    Raises:
        WiringInvalid: it is.
    """
    if sum(map(len, contents)) > MAX_OBSERVATION_BYTES:
        raise WiringInvalid(f"What the run found is larger than {MAX_OBSERVATION_BYTES} bytes.")
    return contents


def _content(pipeline: Pipeline, values: Iterable[Value]) -> bytes:
    roles = {each.name: each.role for each in pipeline.outputs}
    values = list(values)
    if not values:
        raise WiringInvalid("Triton sent no output.")
    if len(values) == 1:
        whole = _whole_observation(values[0], roles.get(values[0].name, OutputRole.AUTO))
        if whole is not None:
            return whole
    gathered = _Gathered()
    for value in values:
        gathered.add(value, roles.get(value.name, OutputRole.AUTO))
    return gathered.encoded()


def _whole_observation(value: Value, role: OutputRole) -> bytes | None:
    raw = _element(value, role) if role in (OutputRole.OBSERVATION, OutputRole.AUTO) else None
    if raw is None or _observation_fields(value.name, raw, role) is None:
        return None
    return raw


def _observation_fields(name: str, raw: bytes, role: OutputRole) -> Fields | None:
    """The fields of an observation; None where nothing says that it is one."""
    fields = _object(raw)
    if role is OutputRole.OBSERVATION:
        if fields is None:
            raise WiringInvalid("An output declared as an observation is not one JSON object.", field=name)
        if not RESERVED.isdisjoint(fields):
            raise WiringInvalid("An output declared as an observation holds a field of the gateway's own.", field=name)
        return fields
    if fields is None or VOCABULARY.isdisjoint(fields) or not RESERVED.isdisjoint(fields):
        return None
    return fields


def _element(value: Value, role: OutputRole) -> bytes | None:
    """The one element of a BYTES output; None where the output is a tensor, which a declared role may forbid."""
    raw = None if role is OutputRole.TENSOR else value.only_element()
    if raw is None and role not in (OutputRole.TENSOR, OutputRole.AUTO):
        raise WiringInvalid(f"An output declared as {role} is not one element of BYTES.", field=value.name)
    return raw


def _object(raw: bytes) -> Fields | None:
    # msgspec does not look into the strings of what it keeps raw.
    try:
        return msgspec.json.decode(raw.decode(), type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _json(raw: bytes) -> msgspec.Raw | None:
    try:
        msgspec.json.decode(raw.decode())
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return msgspec.Raw(raw)


def _tensor(value: Value) -> msgspec.Raw:
    # An element and what separates it from the next take two bytes at least.
    if 2 * value.elements > MAX_ENTRY_BYTES:
        raise WiringInvalid(_TOO_MUCH, field=value.name)
    return _encoded(to_plain(value))


class _Gathered:
    """The fields of one entry while its outputs come in."""

    def __init__(self) -> None:
        self._fields: Fields = {}
        self._json: Fields = {}
        self._outputs: Fields = {}

    def add(self, value: Value, role: OutputRole) -> None:
        raw = _element(value, role)
        if raw is None:
            self._outputs[value.name] = _tensor(value)
            return
        if role in (OutputRole.OBSERVATION, OutputRole.AUTO):
            fields = _observation_fields(value.name, raw, role)
            if fields is not None and self._fields.keys().isdisjoint(fields):
                self._fields |= fields
                return
            if fields is not None and role is OutputRole.OBSERVATION:
                raise WiringInvalid("Two outputs hold the same field of the observation.", field=value.name)
        self._add_value(value, role, raw)

    def _add_value(self, value: Value, role: OutputRole, raw: bytes) -> None:
        known = _json(raw) if role in (OutputRole.JSON, OutputRole.AUTO) else None
        if role is OutputRole.JSON and known is None:
            raise WiringInvalid("An output declared as JSON is not JSON.", field=value.name)
        if known is not None:
            self._json[value.name] = known
            return
        key = "label" if role is OutputRole.LABEL else "rawText"
        if key in self._fields:
            self._outputs[value.name] = _tensor(value)
        else:
            self._fields[key] = _label(raw) if role is OutputRole.LABEL else _encoded(raw.decode(errors="replace"))

    def encoded(self) -> bytes:
        gathered: Fields = {}
        if self._json:
            only = len(self._json) == 1
            gathered["json"] = next(iter(self._json.values())) if only else _encoded(self._json)
        if self._outputs:
            gathered["outputs"] = _encoded(self._outputs)
        if not gathered.keys().isdisjoint(self._fields):
            raise WiringInvalid("An observation holds a field, json or outputs, that other outputs need.")
        return msgspec.json.encode(self._fields | gathered)


def _label(raw: bytes) -> msgspec.Raw:
    """A label as Cambrion shows it: an object as it came, or the name alone."""
    return msgspec.Raw(raw) if _object(raw) is not None else _encoded({"name": raw.decode(errors="replace")})


def _encoded(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))
