"""Records: pipelines, executions, runs and entries."""

from pathlib import Path

from gateway.adapters.postgres.migrations.script import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    run(Path(__file__).with_suffix(".sql"))
