"""An observation as plain JSON: labels become keys, what was found becomes their values."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from gateway.errors import InvalidRequest

Found = dict[str, Any]

#: What was linked is surer than what was parsed, and what was parsed than what was read.
_LINKED: Final = ("dateData", "quantityData", "numberData", "textData", "unitData")
_PARSED: Final = ("dateValue", "quantityValue", "numberValue", "textValue", "unitValue")
#: The key of a table that has no name.
_TABLE: Final = "table"


def label_json(observation: bytes) -> bytes:
    """The `/json` form of an observation; docs/transforms.md has its rules.

    Raises:
        InvalidRequest: it is nested deeper than can be followed, or holds a number that no JSON reader takes.
    """
    keys = _Keys()
    try:
        for content in _objects(_object(msgspec.json.decode(observation)).get("mediaContents")):
            _add_content(keys, content)
        return msgspec.json.encode(keys.as_object())
    except RecursionError as failure:
        raise InvalidRequest("The observation is nested too deeply.") from failure
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise InvalidRequest("The observation holds what cannot be read as JSON.") from failure


class _Keys:
    """An object in the making: the first use of a key is a value, repeats make an array."""

    def __init__(self) -> None:
        self._values: dict[str, list[Any]] = {}

    def add(self, key: str | None, value: Any) -> None:
        if key:
            self._values.setdefault(key, []).append(value)

    def as_object(self) -> Found:
        return {key: values if len(values) > 1 else values[0] for key, values in self._values.items()}


def _add_content(keys: _Keys, content: Found) -> None:
    if name := _text(_object(content.get("label")).get("name")):
        keys.add("label", name)
    for page in _objects(content.get("documentPages")):
        _add_document(keys, _object(page.get("document")))
    for code in _objects(content.get("codes")):
        entity = _object(code.get("entity"))
        keys.add(_label(entity), _value(entity, instead=code.get("payload")))


def _add_document(keys: _Keys, document: Found) -> None:
    for entity in _objects(document.get("entities")):
        keys.add(_label(entity), _value(entity))
    _add_set(keys, _object(document.get("keyValueSet")))
    for table in _objects(document.get("tables")):
        keys.add(_name(table) or _TABLE, _rows(table))


def _add_set(keys: _Keys, found: Found) -> None:
    """A set that has a name is an object under it; the pairs of one that has none are keys of what is around it."""
    name = _name(found)
    if name:
        keys.add(name, _pairs(found))
    else:
        _add_pairs(keys, found, [])


def _pairs(found: Found, headers: list[Found] | None = None) -> Found:
    keys = _Keys()
    _add_pairs(keys, found, headers or [])
    return keys.as_object()


def _add_pairs(keys: _Keys, found: Found, headers: list[Found]) -> None:
    for index, pair in enumerate(_objects(found.get("pairs"))):
        header = headers[index] if index < len(headers) else {}
        keys.add(_key(_object(pair.get("key"))) or _text(pair.get("tag")) or _key(header), _paired(pair))


def _paired(pair: Found) -> Any:
    if isinstance(pair.get("keyValueSetValue"), dict):
        return _pairs(pair["keyValueSetValue"])
    if isinstance(pair.get("tableValue"), dict):
        return _rows(pair["tableValue"])
    return _value(_object(pair.get("entityValue")))


def _rows(table: Found) -> list[Found]:
    headers = list(_objects(table.get("headers")))
    return [_pairs(row, headers) for row in _objects(table.get("rows"))]


def _value(entity: Found, instead: Any = None) -> Any:
    data = _object(entity.get("data"))
    return next((data[name] for name in _LINKED + _PARSED if data.get(name) is not None), _read(entity) or instead)


def _name(found: Found) -> str | None:
    """The name of a table or a set."""
    return _label(_object(found.get("entity"))) or _text(found.get("tag"))


def _key(entity: Found) -> str | None:
    """The name that the key of a pair or the header of a column gives."""
    return _label(entity) or _read(entity)


def _label(entity: Found) -> str | None:
    return _text(entity.get("label"))


def _read(entity: Found) -> str | None:
    return _text(_object(entity.get("block")).get("text"))


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _object(value: Any) -> Found:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[Found]:
    return (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter(())
