"""JSONata in this process, unbounded: the fast engine, and where that does not suffice the exact one."""

import json
import re
from typing import Final

import jsonatapy

from gateway.adapters.jsonata.frames import Outcome, Refusal

#: A whole number that may be past 2^53; the fast engine would round it, for its numbers are doubles.
_BIG: Final = re.compile(r"(?:^|[:,\[\s])-?[1-9]\d{15,}(?=[,\]}\s]|$)")
#: What a number past 2^53 can look like in a result of the fast engine.
_ROUNDED: Final = re.compile(r"(?<![.\d])\d{16}|\de\+\d")
#: What can make a number that is none; the fast engine shows it as null.
_ARITHMETIC: Final = re.compile(r"[-+/%]|(?<![*.])\*(?!\*)|\$(?:sum|average|power)\b")
_CODE: Final = re.compile(r"(?:Parse error: )?(?:Invalid syntax: )?([SDTU]\d{4})\b")
_CODES_BY_TEXT: Final = (
    ("Parse error: Unclosed comment", "S0106"),
    ("Invalid JSON: recursion", "nested"),
    ("Invalid JSON", "document"),
)
#: Range, sequence, stack and time: the codes that mean too much of something.
_LIMITS: Final = frozenset(("D1011", "D1012", "D2014", "D2015", "U1001", "U1002", "nested"))


class Refused(Exception):
    """The expression has no result."""

    def __init__(self, outcome: Outcome, refusal: Refusal):
        self.outcome = outcome
        self.refusal = refusal


def evaluate(expression: str, document: str) -> str | None:
    """The JSON that an expression makes of a JSON document; None where it makes nothing.

    Raises:
        Refused: it is not JSONata, or it failed on the document.
    """
    try:
        found = fast(expression, document)
    except ValueError as failure:
        if "Invalid regex" not in str(failure):
            raise refused(expression, str(failure)) from None
        return exact(expression, document)
    if found is None:
        return None
    if _ROUNDED.search(found) and _BIG.search(document):
        return exact(expression, document)
    if "null" in found and _ARITHMETIC.search(expression):
        _refuse_what_is_no_number(expression, document)
    return found


def fast(expression: str, document: str) -> str | None:
    """As `evaluate`, on the fast engine alone.

    Raises:
        ValueError: with the engine's own words.
    """
    return jsonatapy.compile(expression).evaluate_json_or_none(document)


def exact(expression: str, document: str) -> str | None:
    """As `evaluate`, on the exact engine alone, which is slow: loaded only here."""
    from gateway.adapters.jsonata import second  # noqa: PLC0415

    try:
        return second.evaluate(expression, document)
    except second.Failed as failure:
        raise Refused(_outcome(failure.refusal.code), failure.refusal) from None


def refused(expression: str, words: str) -> Refused:
    """What the fast engine's words mean."""
    code = _code(words)
    position = _position(expression) if code.startswith("S") else None
    return Refused(_outcome(code), Refusal(code, position))


def _code(words: str) -> str:
    found = _CODE.match(words)
    if found:
        return found[1]
    return next((code for text, code in _CODES_BY_TEXT if words.startswith(text)), "")


def _outcome(code: str) -> Outcome:
    return Outcome.LIMIT if code in _LIMITS else Outcome.INVALID


def _position(expression: str) -> int | None:
    from gateway.adapters.jsonata import second  # noqa: PLC0415

    return second.position(expression)


def _refuse_what_is_no_number(expression: str, document: str) -> None:
    found = jsonatapy.compile(expression).evaluate_with_data(jsonatapy.JsonataData.from_json(document))
    try:
        json.dumps(found, allow_nan=False)
    except ValueError:
        raise Refused(Outcome.INVALID, Refusal("D1001")) from None
