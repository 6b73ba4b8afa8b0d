"""How deep the arrays and objects of a JSON text are nested, told without decoding it."""

from array import array
from itertools import accumulate
from typing import Final

from gateway.limits import MAX_JSON_DEPTH

#: All but what nests, and the quotes around what does not.
_OTHER: Final = bytes(set(range(256)) - set(b'"[]{}'))
#: One step in and one step out, as signed bytes.
_STEPS: Final = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")


def too_deep(raw: bytes, most: int = MAX_JSON_DEPTH) -> bool:
    """Whether arrays and objects stand in one another deeper than `most`.

    A text that is no JSON may be told either way: whoever decodes it refuses it.
    """
    if raw.count(b"[") + raw.count(b"{") <= most:
        return False
    return max(accumulate(array("b", _nesting(raw).translate(_STEPS))), default=0) > most


def _nesting(raw: bytes) -> bytes:
    """The brackets of a JSON text that stand outside its strings."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(raw.translate(None, _OTHER).split(b'"')[::2])
