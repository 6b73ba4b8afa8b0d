"""What ends a bench before it has a result."""


class BenchFailed(Exception):
    """One sentence that says what went wrong; the command prints it and exits 1."""
