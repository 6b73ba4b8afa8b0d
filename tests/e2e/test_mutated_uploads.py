"""Mutated media through the served `ocr` pipeline: each is read or refused, and the gateway and Triton live on."""

import base64
import collections
import os

import httpx
import psutil

from e2e.served import Served
from fuzz.mutants import mutants
from gateway.limits import MIB

#: How many pytest tries; `make fuzz` tries more, and others.
MUTANTS = int(os.environ.get("FUZZ_MUTANTS", "2000")) // 100
SEED = int(os.environ.get("FUZZ_SEED", "1"))
#: What a mutant may be answered with: found, too large, of no known type, unreadable.
ANSWERS = {200, 413, 415, 422}
#: MiB that the gateway and all it has started may have grown by in the end.
GROWTH = 1024


def test_mutated_media_are_read_or_refused_by_the_whole_pipeline(gateway: Served, rest: httpx.Client) -> None:
    served = psutil.Process(gateway.process.pid)
    started = {each.pid for each in served.children(recursive=True)}
    before, answers = _resident(served), collections.Counter[str]()
    for name, data in mutants(MUTANTS, SEED, ("jpeg", "png", "gif", "webp", "bmp", "tiff", "pdf")):
        if data:
            reply = rest.post("/v1/pipelines/ocr/executeSync", json={"media": [base64.b64encode(data).decode()]})
            assert reply.status_code in ANSWERS, (name, reply.text)
            answers[f"{name.partition('-')[0]} {reply.status_code}"] += 1
    assert rest.get("/ready").status_code == 200
    assert started <= {each.pid for each in served.children(recursive=True)}
    assert _resident(served) - before < GROWTH, answers


def _resident(served: psutil.Process) -> float:
    """MiB of the gateway and of all that it has started; memory that they share counts more than once."""
    return sum(each.memory_info().rss for each in (served, *served.children(recursive=True))) / MIB
