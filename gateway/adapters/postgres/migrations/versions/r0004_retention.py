"""Retention: how long each execution is kept, keys that outlive their runs, and blobs that are to be removed."""

from pathlib import Path

from gateway.adapters.postgres.migrations.script import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the tables of executions and keys, and create that of doomed blobs."""
    run(Path(__file__).with_suffix(".sql"))
