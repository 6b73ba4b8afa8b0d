"""Files as both doors show them."""

import msgspec

from gateway.domain.files import FileRecord
from gateway.domain.ids import rfc3339
from gateway.v1 import files_pb2
from gateway.wire.run_protos import timestamp


class FileView(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A file as the wire shows it; absent is what there is none of."""

    file_id: str
    filename: str | None = None
    content_type: str
    size: int
    purpose: str | None = None
    created_at: str
    expires_at: str | None = None


def file_view(found: FileRecord) -> FileView:
    """The wire's form of a file."""
    return FileView(
        file_id=found.file_id,
        filename=found.filename,
        content_type=found.content_type,
        size=found.size,
        purpose=found.purpose,
        created_at=rfc3339(found.created_at),
        expires_at=rfc3339(found.expires_at) if found.expires_at else None,
    )


def file_message(found: FileRecord) -> files_pb2.File:
    """The message of a file."""
    return files_pb2.File(
        file_id=found.file_id,
        filename=found.filename or "",
        content_type=found.content_type,
        size=found.size,
        purpose=found.purpose or "",
        created_at=timestamp(found.created_at),
        expires_at=timestamp(found.expires_at),
    )
