"""What is raised about a child that runs and that only a restart helps."""


class Hung(Exception):
    """A child that has to be ended and started again; the message says why, and finishes `Triton hangs: …`."""
