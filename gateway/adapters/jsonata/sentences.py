"""What a caller is told of a transform that has no result, in words of our own: never a value, never the expression."""

from typing import Final

from gateway.adapters.jsonata.frames import Refusal

_NOT_JSONATA: Final = {
    "S0101": "a string is not closed",
    "S0102": "a number is out of range",
    "S0103": "a string has an escape that there is not",
    "S0104": "\\u in a string is not followed by 4 hexadecimal digits",
    "S0105": "a name in backquotes is not closed",
    "S0106": "a comment is not closed",
    "S0201": "something stands where nothing more, or an operator, is expected",
    "S0202": "another symbol is expected",
    "S0203": "it ends before something is closed",
    "S0204": "there is no such operator",
    "S0205": "a token is not expected",
    "S0207": "it ends too early",
    "S0208": "a parameter of a function does not begin with $",
    "S0209": "a predicate follows a grouping",
    "S0210": "a step has two groupings",
    "S0211": "a symbol that needs a left side has none",
    "S0212": "the left side of := is no variable",
    "S0213": "a literal cannot be a step of a path",
    "S0214": "the right side of @ or # is no variable",
    "S0215": "a binding with @ or # follows a predicate",
    "S0216": "a binding with @ or # follows a sorting",
    "S0217": "there is no parent for %",
    "S0301": "a regular expression is empty",
    "S0302": "a regular expression is not closed",
    "surrogate": "it holds half of a character",
}
_FAILED: Final = {
    "document": "the observation is not JSON that it can read",
    "regex": "a regular expression is not valid",
    "D1001": "a number is out of range",
    "D1002": "something that is no number cannot be negated",
    "T1003": "a key of an object is no string",
    "D1004": "a regular expression matches nothing at all",
    "T1005": "something that is no function is called; a $ may be missing",
    "T1006": "something that is no function is called",
    "D1009": "two keys of an object are the same",
    "T0410": "an argument of a function is of the wrong type",
    "T0411": "the context is of the wrong type for a function",
    "T0412": "an argument of a function is an array of the wrong type",
    "T2001": "the left side of an arithmetic operator is no number",
    "T2002": "the right side of an arithmetic operator is no number",
    "T2003": "the left side of .. is no whole number",
    "T2004": "the right side of .. is no whole number",
    "T2006": "the right side of ~> is no function",
    "T2007": "values of different types cannot be sorted",
    "T2008": "only numbers and strings can be sorted",
    "T2009": "values of different types cannot be compared",
    "T2010": "only numbers and strings can be compared",
    "D3010": "the pattern of $replace is empty",
    "D3030": "a value cannot be made a number",
    "D3060": "a negative number has no square root",
    "D3061": "a power is out of range",
    "D3110": "a value is no time in ISO 8601",
    "D3120": "what $eval was given is not JSONata",
    "D3121": "what $eval was given failed",
    "D3136": "a picture does not say enough to read a time by it",
    "D3137": "it called $error",
    "D3138": "$single found more than one",
    "D3139": "$single found none",
    "D3141": "an $assert did not hold",
}
_PAST_LIMIT: Final = {
    "time": "more time",
    "memory": "more memory",
    "size": "a larger result",
    "nested": "a deeper nested observation",
    "deep": "a deeper nested result",
    "D2014": "a longer range",
    "U1001": "a deeper recursion",
    "U1002": "a deeper nesting of itself",
}


def invalid(refusal: Refusal) -> str:
    """What is wrong with an expression, or went wrong with it; the position counts characters from 0."""
    code, position = refusal
    at = "" if position is None else f" (position {position})"
    shown = f" [{code}]" if code[1:].isdigit() else ""
    if code in _NOT_JSONATA or code.startswith("S0"):
        return f"The transform is not JSONata: {_NOT_JSONATA.get(code, 'it cannot be parsed')}{at}{shown}."
    return f"The transform failed: {_FAILED.get(code, 'it cannot be evaluated on this observation')}{at}{shown}."


def past_limit(refusal: Refusal) -> str:
    """Of what the evaluation needs too much."""
    shown = f" [{refusal.code}]" if refusal.code[1:].isdigit() else ""
    return f"The transform needs {_PAST_LIMIT.get(refusal.code, 'more')} than it may have{shown}."
