"""What wrk and h2load print, read back."""

from pathlib import Path

import pytest

from bench import h2load, wrk
from bench.faults import BenchFailed
from bench.target import Target, framed

HTTP = Target(protocol="http", port=8000, path="/infer", body=b"{}", headers={"Content-Type": "application/json"})
GRPC = Target(protocol="grpc", port=8001, path="/package.Service/Method", body=b"abc", reply_bytes=95)

WRK_OUTPUT = """\
Running 2s test @ http://127.0.0.1:8000/infer
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency    42.01ms    5.10ms  59.20ms   71.43%
    Req/Sec   350.00     12.00   360.00     90.00%
  700 requests in 2.00s, 1.20MB read
Requests/sec:    349.81
Transfer/sec:    612.32KB
BURST {"requests":700,"seconds":2.001000,"errors":3,"latencies":{"41000":600,"59200":100}}
"""
H2LOAD_OUTPUT = """\
starting benchmark...
spawning thread #0: 16 total client(s). Timing-based test with 0s of warm-up time and 2s of main duration.
Main benchmark duration is started for thread #0.
Stopped all clients for thread #0.

finished in 2.00s, 2.50 req/s, 1.00KB/s
requests: 5 total, 21 started, 5 done, {succeeded} succeeded, {failed} failed, 0 errored, 0 timeout
status codes: 5 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 1.00KB (1025) total, 112B (112) headers (space savings 90.00%), {data}B ({data}) data
                     min         max         mean         sd        +/- sd
time for request:    39.26ms     41.00ms     40.00ms      1.00ms    80.00%
"""
H2LOAD_LOG = "".join(f"17000000000{n}\t200\t{40000 + n % 2}\n" for n in range(5))


def h2load_output(succeeded: int = 5, failed: int = 0, data: int = 500) -> str:
    return H2LOAD_OUTPUT.format(succeeded=succeeded, failed=failed, data=data)


def parsed(output: str) -> tuple[int, int]:
    burst = h2load.parse(output, H2LOAD_LOG, GRPC, connections=16, seconds=2)
    return burst.requests, burst.errors


def test_wrk_is_read_from_the_line_of_our_script() -> None:
    burst = wrk.parse(WRK_OUTPUT)
    assert (burst.requests, burst.seconds, burst.errors) == (700, 2.001, 3)
    assert burst.latencies == {41000: 600, 59200: 100}


def test_wrk_without_that_line_is_a_failure_that_shows_what_was_said() -> None:
    with pytest.raises(BenchFailed, match="unable to connect"):
        wrk.parse("unable to connect to 127.0.0.1:8000")


def test_h2load_gives_requests_time_and_latencies() -> None:
    burst = h2load.parse(h2load_output(), H2LOAD_LOG, GRPC, connections=16, seconds=2)
    assert (burst.requests, burst.seconds, burst.errors) == (5, 2, 0)
    assert burst.latencies == {40000: 3, 40001: 2}


def test_a_call_that_h2load_saw_fail_is_an_error() -> None:
    assert parsed(h2load_output(succeeded=4, failed=1)) == (4, 1)


def test_a_refused_call_that_h2load_took_for_good_is_an_error_because_its_body_is_empty() -> None:
    assert parsed(h2load_output(data=300)) == (5, 2)


def test_replies_to_calls_that_were_cut_off_at_the_end_are_no_error() -> None:
    assert parsed(h2load_output(data=700)) == (5, 0)


def test_more_bytes_than_good_replies_can_have_end_the_bench() -> None:
    with pytest.raises(BenchFailed, match="differ in length"):
        h2load.parse(h2load_output(data=5000), H2LOAD_LOG, GRPC, connections=16, seconds=2)


def test_h2load_without_a_result_is_a_failure() -> None:
    with pytest.raises(BenchFailed, match="no result"):
        h2load.parse("could not connect", "", GRPC, connections=16, seconds=2)


def test_wrk_is_given_the_headers_behind_the_body(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrk, "PROGRAM", "wrk")
    command = wrk.command(HTTP, Path("body"), connections=4, seconds=2)
    assert command[-5:] == ["http://127.0.0.1:8000/infer", "--", "body", "Content-Type", "application/json"]
    assert {"--connections=4", "--duration=2s"} <= set(command)


def test_h2load_is_told_that_it_is_grpc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(h2load, "PROGRAM", "h2load")
    command = h2load.command(GRPC, Path("body"), Path("log"), connections=4, seconds=2)
    assert {"--header=content-type: application/grpc", "--header=te: trailers", "--clients=4"} <= set(command)


def test_a_grpc_message_stands_behind_its_length() -> None:
    assert framed(b"abc") == b"\0\0\0\0\3abc"
