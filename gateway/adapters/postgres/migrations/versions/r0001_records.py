"""Records: pipelines, executions, runs and entries."""

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the first tables."""
    op.execute(Path(__file__).with_name("0001_records.sql").read_text())


def downgrade() -> None:
    """Drop them, and every record with them."""
    op.execute("DROP TABLE entries, runs, executions, pipelines")
