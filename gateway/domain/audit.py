"""Audit events: who changed what, of the things that decide who may do what."""

import enum
from collections.abc import Mapping
from datetime import datetime

import msgspec


class Action(enum.StrEnum):
    """What was done."""

    KEY_CREATED = "key.created"
    KEY_REVOKED = "key.revoked"
    PIPELINE_ADDED = "pipeline.added"
    PIPELINE_CHANGED = "pipeline.changed"
    PIPELINE_GONE = "pipeline.gone"


class AuditEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One change; `details` never hold a secret."""

    at: datetime
    #: Who did it: the account of an operator, or `triton`.
    actor: str
    action: Action
    #: The key, or the pipeline.
    subject: str
    details: Mapping[str, object] = {}
