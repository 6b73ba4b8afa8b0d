"""An observation as people read it: the text of each entry, or its content where it has none."""

from typing import Any, Final

import msgspec

#: What the gateway itself writes into an entry.
_OURS: Final = frozenset(("id", "mediaId", "runId", "pipelineId", "pipelineVersion", "createdAt"))


class _Observation(msgspec.Struct, rename="camel"):
    media_contents: list[dict[str, Any]]


def text_read(observation: bytes) -> str:
    """What was read, entry after entry."""
    entries = msgspec.json.decode(observation, type=_Observation).media_contents
    return "\n\n".join(map(_entry, entries)) or "Nothing was found."


def _entry(entry: dict[str, Any]) -> str:
    text = entry.get("rawText")
    if isinstance(text, str) and text.strip():
        return text.rstrip("\n")
    content = {name: value for name, value in entry.items() if name not in _OURS}
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()
