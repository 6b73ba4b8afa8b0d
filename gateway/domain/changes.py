"""How pipelines change, as the audit tells it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from gateway.domain.audit import Action, AuditEvent
from gateway.domain.pipelines import Pipeline

#: Who changes pipelines that are discovered.
TRITON: Final = "triton"


def added_or_changed(
    kept: Mapping[str, Pipeline | None], seen: Iterable[Pipeline], moment: datetime
) -> list[AuditEvent]:
    """What is new in what was seen; `kept` is what was known, None where it was and nobody can read it any more."""
    events = []
    for each in seen:
        before = kept.get(each.pipeline_id)
        if each.pipeline_id not in kept:
            events.append(_event(Action.PIPELINE_ADDED, each.pipeline_id, moment))
        elif before is not None and before.config != each.config:
            events.append(_event(Action.PIPELINE_CHANGED, each.pipeline_id, moment, _differing(before, each)))
    return events


def gone(names: Iterable[str], moment: datetime) -> list[AuditEvent]:
    """Those that Triton has no more."""
    return [_event(Action.PIPELINE_GONE, each, moment) for each in sorted(names)]


def _event(action: Action, name: str, moment: datetime, differing: Iterable[str] = ()) -> AuditEvent:
    details = {"fields": list(differing)} if action is Action.PIPELINE_CHANGED else {}
    return AuditEvent(at=moment, actor=TRITON, action=action, subject=name, details=details)


def _differing(before: Pipeline, after: Pipeline) -> list[str]:
    one, other = before.config, after.config
    return [name for name in Pipeline.__struct_fields__ if getattr(one, name) != getattr(other, name)]
