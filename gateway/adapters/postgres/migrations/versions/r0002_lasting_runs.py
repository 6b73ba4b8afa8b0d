"""Runs that last: priorities, due times, past attempts, cancellation, and the keys that make a call safe to repeat."""

from pathlib import Path

from gateway.adapters.postgres.migrations.script import run

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the table of runs, and create that of idempotency keys."""
    run(Path(__file__).with_suffix(".sql"))
