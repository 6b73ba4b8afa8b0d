"""A folder of images in, JSON lines out: every image goes through a pipeline over gRPC, several at a time.

    python examples/batch_images.py ./scans > found.jsonl
    python examples/batch_images.py ./scans --pipeline image_stats --target 127.0.0.1:9090 --parallel 8

One line per file, in the order they finish: {"file", "executionId", "runId", "observation"}, or {"file",
"error"}. Exit code: 0 when every file was read, 1 when one was not, 2 for wrong usage, 130 when interrupted.
"""

import argparse
import json
import sys
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from itertools import islice
from pathlib import Path

import grpc
from rich.console import Console
from rich.progress import Progress

from gateway.v1 import media_pb2, pipelines_pb2, pipelines_pb2_grpc

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif"))


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    lines = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(
        description=lines[0], epilog="\n".join(lines[2:]), formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of images, searched with all folders below it")
    parser.add_argument("--pipeline", default="ocr", help="pipeline to run (default: ocr)")
    parser.add_argument("--target", default="127.0.0.1:9090", help="the gateway's gRPC address")
    parser.add_argument("--parallel", type=int, default=4, help="images in hand at once (default: 4)")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds one image may take (default: 120)")
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is not a folder")
    if given.parallel < 1:
        parser.error("--parallel is at least 1")
    return given


def read(stub: pipelines_pb2_grpc.PipelinesStub, file: Path, pipeline: str, timeout: float) -> dict[str, object]:
    """The line of one file."""
    try:
        media = media_pb2.Media(data=file.read_bytes())
        request = pipelines_pb2.ExecuteSyncRequest(pipeline_id=pipeline, media=[media])
        answer = stub.ExecuteSync(request, timeout=timeout)
    except OSError as failure:
        return {"file": str(file), "error": failure.strerror}
    except grpc.RpcError as failure:
        return {"file": str(file), "error": failure.details()}
    found = {"executionId": answer.execution_id, "runId": answer.run_id}
    return {"file": str(file), **found, "observation": json.loads(answer.observation)}


def run(given: argparse.Namespace, files: list[Path]) -> int:
    """Write a line for every file as it is done; how many failed is returned."""
    failed = 0
    console = Console(stderr=True)
    with (
        grpc.insecure_channel(given.target) as channel,
        ThreadPoolExecutor(given.parallel) as pool,
        Progress(console=console, disable=not console.is_terminal, redirect_stdout=False) as progress,
    ):
        stub = pipelines_pb2_grpc.PipelinesStub(channel)
        task = progress.add_task(given.pipeline, total=len(files))
        waiting = iter(files)
        in_hand: set[Future[dict[str, object]]] = set()
        while True:
            more = islice(waiting, 2 * given.parallel - len(in_hand))
            in_hand |= {pool.submit(read, stub, file, given.pipeline, given.timeout) for file in more}
            if not in_hand:
                return failed
            done, in_hand = wait(in_hand, return_when=FIRST_COMPLETED)
            for future in done:
                failed += "error" in future.result()
                print(json.dumps(future.result()), flush=True)
                progress.advance(task)


def main() -> int:
    """Run from the command line."""
    given = arguments()
    files = sorted(path for path in given.folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    try:
        return 1 if run(given, files) else 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
