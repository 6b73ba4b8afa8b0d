"""Who comes in, whose each record is, files, and artifacts."""

from pathlib import Path

from gateway.adapters.postgres.migrations.script import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of keys, audit events, files and artifacts, and let executions and hooks have an owner."""
    run(Path(__file__).with_suffix(".sql"))
