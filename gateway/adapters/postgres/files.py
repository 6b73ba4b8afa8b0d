"""Files in PostgreSQL."""

from gateway.adapters.postgres import rows
from gateway.adapters.postgres.database import Database
from gateway.adapters.postgres.statements import statement
from gateway.domain.files import FileRecord
from gateway.domain.ids import is_uuid
from gateway.errors import FileNotFound, StorageUnavailable


class PostgresFiles:
    """A `FileStore` on PostgreSQL; see there for what each method promises."""

    def __init__(self, database: Database):
        self._database = database

    async def add(self, record: FileRecord) -> None:
        """See `FileStore.add`."""
        about = (record.filename, record.purpose, record.content_type, record.size, record.blob)
        values = (record.file_id, record.owner, *about, record.created_at, record.ttl)
        async with self._database.connection() as connection:
            if await connection.fetchval(statement("insert_file"), *values) is None:
                raise StorageUnavailable("Storing the file took too long; nothing was stored. Try again shortly.")

    async def get(self, sees: str | None, file_id: str) -> FileRecord:
        """See `FileStore.get`."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(statement("file"), _known_form(file_id), sees)
        if row is None:
            raise FileNotFound
        return _file(row)

    async def page(
        self, sees: str | None, purpose: str | None, limit: int, before: int | None
    ) -> list[tuple[int, FileRecord]]:
        """See `FileStore.page`."""
        async with self._database.connection() as connection:
            listed = await connection.fetch(statement("files"), limit, sees, purpose, before)
        return [(row["number"], _file(row)) for row in listed]

    async def delete(self, sees: str | None, file_id: str) -> str:
        """See `FileStore.delete`."""
        async with self._database.connection() as connection:
            blob: str | None = await connection.fetchval(statement("delete_file"), _known_form(file_id), sees)
        if blob is None:
            raise FileNotFound
        return blob


def _known_form(file_id: str) -> str:
    if not is_uuid(file_id):
        raise FileNotFound
    return file_id


def _file(row: rows.Row) -> FileRecord:
    return FileRecord(
        file_id=str(row["file_id"]),
        owner=row["owner"],
        filename=row["filename"],
        purpose=row["purpose"],
        content_type=row["content_type"],
        size=row["size"],
        created_at=row["created_at"],
        ttl=row["ttl"],
        blob=row["blob"],
    )
