"""Media that were whole once: bits turned, pieces cut out, doubled and mixed, and lengths that lie."""

import random
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence

from fuzz.seeds import seeds

_Mutation = Callable[[bytearray, random.Random], bytearray]
#: What a length, a size or an offset says when it lies.
_LIES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def mutants(number: int, seed: int, kinds: Sequence[str] = ()) -> Iterator[tuple[str, bytes]]:
    """That many mutants with the name of what they were; the same for the same seed; `kinds` are the only types."""
    drawn = random.Random(seed)
    known = {name: data for name, data in seeds().items() if not kinds or name.partition("-")[0] in kinds}
    for _ in range(number):
        name = drawn.choice(list(known))
        data = bytearray(known[name])
        for _ in range(drawn.choice((1, 1, 2, 3, 8))):
            data = drawn.choice(_MUTATIONS)(data, drawn)
        yield name, _repaired(bytes(data)) if drawn.random() < 0.7 else bytes(data)


def _turn_bits(data: bytearray, drawn: random.Random) -> bytearray:
    for _ in range(drawn.choice((1, 4, 32))):
        if data:
            data[_place(data, drawn)] ^= 1 << drawn.randrange(8)
    return data


def _cut_off(data: bytearray, drawn: random.Random) -> bytearray:
    return data[: _place(data, drawn)]


def _cut_out(data: bytearray, drawn: random.Random) -> bytearray:
    start = _place(data, drawn)
    return data[:start] + data[start + drawn.choice((1, 2, 4, 64)) :]


def _double(data: bytearray, drawn: random.Random) -> bytearray:
    start, times = _place(data, drawn), drawn.choice((1, 2, 50))
    piece = data[start : start + drawn.choice((1, 4, 64, 512))]
    return data[:start] + piece * times + data[start:]


def _mix(data: bytearray, drawn: random.Random) -> bytearray:
    other = drawn.choice(list(seeds().values()))
    start = _place(data, drawn)
    return data[:start] + other[drawn.randrange(len(other)) :]


def _lie(data: bytearray, drawn: random.Random) -> bytearray:
    form = drawn.choice(("<H", ">H", "<I", ">I"))
    width = struct.calcsize(form)
    if len(data) > width:
        start = min(_place(data, drawn), len(data) - width)
        data[start : start + width] = struct.pack(form, drawn.choice(_LIES) & (256**width - 1))
    return data


def _lie_in_words(data: bytearray, drawn: random.Random) -> bytearray:
    """Another number in the place of one that is written in digits, as in a PDF."""
    places = [at for at, byte in enumerate(data) if 0x30 <= byte <= 0x39]
    if places:
        start = drawn.choice(places)
        data[start : start + 1] = str(drawn.choice((*_LIES, -1, "1e9"))).encode()
    return data


_MUTATIONS: tuple[_Mutation, ...] = (_turn_bits, _cut_off, _cut_out, _double, _mix, _lie, _lie, _lie_in_words)


def _place(data: bytearray, drawn: random.Random) -> int:
    """A place in it, as often in its head as anywhere else: there stand its sizes."""
    reach = len(data) if drawn.random() < 0.5 else min(len(data), 96)
    return drawn.randrange(max(reach, 1))


def _repaired(data: bytes) -> bytes:
    """A PNG whose checks are right again, so that readers look behind them; anything else as it is."""
    if not data.startswith(_SIGNATURE):
        return data
    parts, at = [_SIGNATURE], len(_SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 8 + length]
        if at + 12 + length > len(data):
            break
        parts += [data[at : at + 4], body, struct.pack(">I", zlib.crc32(body))]
        at += 12 + length
    return b"".join((*parts, data[at:]))
