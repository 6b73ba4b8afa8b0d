"""Hooks, and the deliveries that they and single calls bring about."""

from pathlib import Path

from gateway.adapters.postgres.migrations.script import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let executions name hooks, and create the tables of hooks and of deliveries."""
    run(Path(__file__).with_suffix(".sql"))
