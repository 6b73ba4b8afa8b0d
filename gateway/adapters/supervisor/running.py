"""The database of a gateway that is running on a data directory, for commands beside it."""

from pathlib import Path

from gateway.adapters.supervisor.datadir import is_locked
from gateway.adapters.supervisor.postgres import database_url


def running_database(data_dir: Path) -> str | None:
    """The address of its database while a living process holds the data directory, else None."""
    path = data_dir.resolve()
    try:
        if not is_locked(path / "lock"):
            return None
    except OSError:
        return None
    home = path / "postgres"
    return database_url((home.resolve() if home.is_symlink() else path) / "run")
