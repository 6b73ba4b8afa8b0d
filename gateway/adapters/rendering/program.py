"""The program of a child: decodes what it is handed, and holds itself to its memory.

It is run as `python -I -m gateway.adapters.rendering.program MEMORY BOUNDS PARENT`. The end of its standard input is
the order to end. A library is loaded when the first media asks for it.
"""

import os
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import msgspec

from gateway.adapters.children.confined import confine, silence
from gateway.adapters.children.frames import READY, reply_beginning
from gateway.adapters.rendering import frames, pictures
from gateway.adapters.rendering.bounds import Bounds
from gateway.adapters.rendering.frames import OUT_OF_MEMORY, REQUEST_HEAD, Outcome, Refused, Request, Wish, unreadable
from gateway.domain.conversion import OFFICE, PDF, Shape


def main() -> None:
    """Answer requests until there are no more."""
    memory, bounds, parent = sys.argv[1:]
    confine(int(memory), int(parent))
    allowed = msgspec.json.decode(bounds, type=Bounds)
    channel = socket.socket(fileno=os.dup(0))
    silence()
    channel.sendall(READY)
    while True:
        head, files, _, _ = socket.recv_fds(channel, REQUEST_HEAD, 1)
        if not files:
            return
        head += _read(channel, REQUEST_HEAD - len(head))
        asked = frames.request(_read(channel, frames.request_length(head)))
        try:
            _reply(channel, asked, Path(f"/proc/self/fd/{files[0]}"), allowed)
        except MemoryError:
            os._exit(OUT_OF_MEMORY)
        finally:
            os.close(files[0])


def _read(channel: socket.socket, length: int) -> bytes:
    found = bytearray()
    while len(found) < length:
        more = channel.recv(length - len(found))
        if not more:
            sys.exit(0)
        found += more
    return bytes(found)


def _reply(channel: socket.socket, asked: Request, path: Path, bounds: Bounds) -> None:
    try:
        length, parts = _made(asked, path, bounds)
    except MemoryError:
        raise
    except Refused as refused:
        _send(channel, refused.outcome, refused.sentence.encode())
    except Exception:  # noqa: BLE001 whatever a library stumbles over, the media led it there
        _send(channel, Outcome.UNREADABLE, b"The gateway could not read it.")
    else:
        channel.sendall(reply_beginning(Outcome.DONE, length))
        for part in parts:
            channel.sendall(part)


def _send(channel: socket.socket, outcome: Outcome, payload: bytes) -> None:
    channel.sendall(reply_beginning(outcome, len(payload)) + payload)


def _made(asked: Request, path: Path, bounds: Bounds) -> tuple[int, Iterable[bytes]]:
    """The length of the answer, and its parts."""
    if asked.wish is Wish.PIXELS:
        pixels = _pixels(asked, path, bounds)
        return pixels.length, pixels.strips()
    if asked.wish is Wish.PAGE:
        whole = _page(asked, path, bounds)
    elif asked.wish is Wish.TEXT:
        whole = _text(asked, path, bounds).replace("\0", "").encode(errors="replace")
    else:
        whole = msgspec.json.encode(_described(asked, path, bounds))
    return len(whole), (whole,)


def _described(asked: Request, path: Path, bounds: Bounds) -> Shape:
    if asked.kind == PDF:
        from gateway.adapters.rendering import pdfs  # noqa: PLC0415

        return pdfs.opened(asked.media, path).describe()
    with _opened(path) as file:
        return pictures.describe(file, bounds)


def _page(asked: Request, path: Path, bounds: Bounds) -> bytes:
    if asked.kind == PDF:
        from gateway.adapters.rendering import pdfs  # noqa: PLC0415

        return pictures.encoded(pdfs.opened(asked.media, path).image(asked.pages[0], bounds))
    with _opened(path) as file:
        return pictures.png(file, asked.pages[0], bounds)


def _pixels(asked: Request, path: Path, bounds: Bounds) -> pictures.Pixels:
    if asked.kind == PDF:
        from gateway.adapters.rendering import pdfs  # noqa: PLC0415

        return pictures.Pixels(pdfs.opened(asked.media, path).image(asked.pages[0], bounds))
    with _opened(path) as file:
        return pictures.pixels(file, asked.pages[0], bounds)


def _text(asked: Request, path: Path, bounds: Bounds) -> str:
    if asked.kind == PDF:
        from gateway.adapters.rendering import pdfs  # noqa: PLC0415

        return pdfs.opened(asked.media, path).text(asked.pages, bounds)
    if asked.kind in OFFICE:
        from gateway.adapters.rendering import office  # noqa: PLC0415

        return office.text(path, asked.kind, bounds)
    raise unreadable("The gateway reads no text from media of this type.")


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


if __name__ == "__main__":
    main()
