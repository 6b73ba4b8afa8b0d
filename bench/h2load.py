"""The load generator h2load, for gRPC over HTTP/2.

h2load cannot see a gRPC status, which stands in the trailers; but a refused call has an empty body and every
good reply of a contender has the same length, so the bytes received tell how many calls were good.
"""

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Final

from bench.faults import BenchFailed
from bench.target import Burst, Target, framed

NAME: Final = "h2load"
PROGRAM: Final = shutil.which("h2load")
_REQUESTS: Final = re.compile(r"^requests: .* (\d+) done, (\d+) succeeded, (\d+) failed", re.MULTILINE)
_DATA: Final = re.compile(r"^traffic: .*\((\d+)\) data$", re.MULTILINE)


def command(target: Target, body: Path, log: Path, *, connections: int, seconds: float) -> list[str]:
    """The command line for one burst: one stream per connection, latencies into `log`."""
    assert PROGRAM is not None
    load = [f"--clients={connections}", "--max-concurrent-streams=1", f"--duration={max(1, round(seconds))}"]
    headers = {"content-type": "application/grpc", "te": "trailers"} | target.headers
    given = [f"--header={name}: {value}" for name, value in headers.items()]
    return [PROGRAM, *load, f"--data={body}", f"--log-file={log}", *given, target.url]


def parse(output: str, log: str, target: Target, *, connections: int, seconds: float) -> Burst:
    """What h2load's output and its log of requests say.

    Raises:
        BenchFailed: there is no result in them.
    """
    requests, data = _REQUESTS.search(output), _DATA.search(output)
    if requests is None or data is None:
        raise BenchFailed(f"h2load printed no result: {output[-500:].strip()}")
    done, succeeded, failed = map(int, requests.groups())
    refused = missing_replies(done, int(data[1]), target, connections)
    latencies = Counter(int(line.split("\t")[2]) for line in log.splitlines())
    return Burst(requests=succeeded, seconds=max(1, round(seconds)), errors=failed + refused, latencies=dict(latencies))


def missing_replies(done: int, data: int, target: Target, connections: int) -> int:
    """How many of the calls that ended did not bring a good reply.

    Raises:
        BenchFailed: more came than good replies can be: their length is not the same.
    """
    size = len(framed(bytes(target.reply_bytes)))
    good = data // size
    if good > done + connections:
        raise BenchFailed(f"The replies of {target.path} differ in length, so that good ones cannot be counted.")
    return max(0, done - good)
