"""What the embedded stack is asked for, and where its parts answer."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class StackPlan:
    """What is to be embedded, and where."""

    data_dir: Path
    #: None: an outside Triton, start none.
    model_repository: Path | None
    #: False: an outside database.
    with_postgres: bool
    #: What the gateway itself will listen on, as (what, host, port): checked free before anything starts.
    ports: tuple[tuple[str, str, int], ...] = ()

    @property
    def embeds(self) -> bool:
        """Whether anything is embedded at all."""
        return self.with_postgres or self.model_repository is not None


@dataclass(frozen=True, kw_only=True)
class Endpoints:
    """Where the embedded parts answer; None for a part that is not embedded."""

    triton_grpc: str | None = None
    triton_http: str | None = None
    database_url: str | None = None
