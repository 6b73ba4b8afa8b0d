"""The load generator wrk, for HTTP/1.1.

wrk corrects its latencies for what it could not send while it waited (coordinated omission), so its high
percentiles are, if anything, above those of the other generators.
"""

import shutil
from itertools import chain
from pathlib import Path
from typing import Final

import msgspec

from bench.faults import BenchFailed
from bench.target import Burst, Target

NAME: Final = "wrk"
PROGRAM: Final = shutil.which("wrk")
SCRIPT: Final = Path(__file__).with_name("wrk.lua")
#: How our script marks its line among those of wrk.
MARK: Final = "BURST "


def command(target: Target, body: Path, *, connections: int, seconds: float) -> list[str]:
    """The command line for one burst; wrk takes whole seconds."""
    assert PROGRAM is not None
    load = ["--threads=1", f"--connections={connections}", f"--duration={max(1, round(seconds))}s", "--timeout=30s"]
    headers = chain.from_iterable(target.headers.items())
    return [PROGRAM, *load, f"--script={SCRIPT}", target.url, "--", str(body), *headers]


def parse(output: str) -> Burst:
    """What wrk's output says.

    Raises:
        BenchFailed: it does not hold our script's line.
    """
    line = next((line for line in output.splitlines() if line.startswith(MARK)), None)
    if line is None:
        raise BenchFailed(f"wrk printed no result: {output[-500:].strip()}")
    return msgspec.json.decode(line.removeprefix(MARK), type=Burst, strict=False)
