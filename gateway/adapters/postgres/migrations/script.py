"""Runs the SQL file beside a migration; a file may hold many statements, which SQLAlchemy's own way does not take."""

from pathlib import Path

from alembic import op
from sqlalchemy.util import await_only


def run(path: Path) -> None:
    """Run every statement of the file, in the migration's own transaction."""
    connection = op.get_bind().connection.driver_connection
    assert connection is not None
    await_only(connection.execute(path.read_text()))
