"""Puts the gateway together: settings in, a running program out."""

from gateway.bootstrap.assembly import core
from gateway.bootstrap.doors import ready
from gateway.bootstrap.embedding import grounded, preflight, stack_plan
from gateway.bootstrap.operating import audit_events, over_keys
from gateway.bootstrap.records import Report, migrate_records, open_database
from gateway.bootstrap.serving import serve, work

__all__ = [
    "Report",
    "audit_events",
    "core",
    "grounded",
    "migrate_records",
    "open_database",
    "over_keys",
    "preflight",
    "ready",
    "serve",
    "stack_plan",
    "work",
]
