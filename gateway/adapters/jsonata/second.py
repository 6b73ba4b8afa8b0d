"""The exact engine, jsonata-python: slow, but it keeps every whole number, has all of regex, and says where."""

import json
import re
from typing import Any, Final

from jsonata import JException, Jsonata, Utils  # type: ignore[import-untyped]

from gateway.adapters.jsonata.frames import Refusal

#: Errors of Python that the engine lets through, by what they mean in JSONata.
_CODES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ZeroDivisionError, "D1001"),
    (OverflowError, "D1001"),
    (re.error, "regex"),
    (RecursionError, "U1001"),
)
_EXACT_DOUBLES: Final = 2.0**53


class Failed(Exception):
    """The expression has no result."""

    def __init__(self, refusal: Refusal):
        self.refusal = refusal


def evaluate(expression: str, document: str) -> str | None:
    """The JSON that an expression makes of a JSON document; None where it makes nothing.

    Raises:
        Failed: it is not JSONata, or it failed on the document.
        MemoryError: it needs more memory than there is.
    """
    try:
        compiled = Jsonata(expression)
        compiled.set_output_convert_nulls(False)
        compiled.set_validate_input(False)
        found = compiled.evaluate(_with_nulls(json.loads(document, parse_float=_number)))
        return None if found is None else _json(found)
    except (MemoryError, Failed):
        raise
    except JException as failure:
        raise Failed(Refusal(failure.error, failure.location if failure.location >= 0 else None)) from None
    except Exception as failure:  # noqa: BLE001 the engine lets errors of its own parts through
        raise Failed(Refusal(_code(failure))) from None


def position(expression: str) -> int | None:
    """Where an expression stops being JSONata: characters from 0, behind the last token that was read."""
    try:
        Jsonata(expression)
    except JException as failure:
        return failure.location if failure.location >= 0 else None
    except IndexError:  # it looked for the end of a comment beyond the end
        return len(expression)
    except Exception:  # noqa: BLE001 it stumbles over some of what it cannot parse
        return None
    return None


def _json(found: object) -> str:
    try:
        return json.dumps(found, default=_shown, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:
        raise Failed(Refusal("D1001")) from None


def _code(failure: Exception) -> str:
    return next((code for kind, code in _CODES if isinstance(failure, kind)), "")


def _number(text: str) -> float | int:
    """A whole number as the fast engine has it: without a fraction."""
    number = float(text)
    return int(number) if number.is_integer() and abs(number) <= _EXACT_DOUBLES else number


def _with_nulls(found: Any) -> Any:
    """What was parsed, with the engine's own null, which it tells from nothing."""
    if isinstance(found, dict):
        return {key: _with_nulls(value) for key, value in found.items()}
    if isinstance(found, list):
        return [_with_nulls(each) for each in found]
    return Utils.NULL_VALUE if found is None else found


def _shown(value: object) -> str | None:
    """What JSON has no form for: the engine's null, and functions, which are an empty string."""
    return None if value is Utils.NULL_VALUE else ""
