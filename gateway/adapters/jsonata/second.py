"""The exact engine, jsonata-python: it keeps whole numbers of any size, knows every regular expression, and says where."""

import json
import re
from typing import Any, Final

from jsonata import JException, Jsonata, Utils

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
        found = compiled.evaluate(json.loads(document, parse_float=_number, object_hook=_with_nulls))
        return None if found is None else json.dumps(found, default=_shown, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except JException as failure:
        raise Failed(Refusal(failure.error, None if failure.location < 0 else failure.location)) from None
    except MemoryError:
        raise
    except ValueError as failure:
        raise Failed(Refusal("D1001" if "JSON compliant" in str(failure) else "")) from None
    except Exception as failure:  # noqa: BLE001 the engine lets errors of its own parts through
        raise Failed(Refusal(_code(failure))) from None


def position(expression: str) -> int | None:
    """Where an expression stops being JSONata: characters from 0, behind the last token that was read."""
    try:
        Jsonata(expression)
    except JException as failure:
        return failure.location if failure.location >= 0 else None
    except Exception:  # noqa: BLE001 it stumbles over some of what it cannot parse
        return None
    return None
