"""The command `gateway` with a lease of so many seconds: `python -m bench.survival.impatient SECONDS serve …`."""

import sys


def main() -> None:
    """Shorten the lease, and the patience of the queue with it, before anything has read them."""
    seconds = float(sys.argv.pop(1))
    from gateway import limits

    limits.RUN_LEASE = seconds
    from gateway.adapters.postgres import wakeups

    wakeups._JOB_PATIENCE = seconds
    from gateway.cli.main import main as gateway

    sys.argv[0] = "gateway"
    gateway()


if __name__ == "__main__":
    main()
