"""What Triton says when it fails, translated once, for both transports.

Triton writes a step's error as `in ensemble '<ensemble>', <text>`, and the steps of this project begin
their own refusals with `<step>: `, or with `<step>: media.limit: ` where the media is too large for them.
Only such a refusal is shown to a caller; everything else is logged.
"""

import logging
import re
from typing import Final

from gateway.errors import (
    GatewayError,
    MediaLimit,
    MediaUnreadable,
    ModelDied,
    PipelineNotReady,
    TritonFailed,
    TritonOverloaded,
    TritonUnavailable,
)
from gateway.limits import MAX_REFUSAL_CHARACTERS

log = logging.getLogger(__name__)

_ENSEMBLE: Final = re.compile(r"^in ensemble '[^']*', ")
_REFUSAL: Final = re.compile(r"(?P<step>[A-Za-z0-9_.-]{1,64}): (?P<limit>media\.limit: )?(?P<reason>[^\n]*\S)")
_NOT_READY: Final = re.compile(
    r"^request for unknown model|^.{0,200} is not ready|has no available versions|^.{0,200} is unloading"
    r"|failed to initialize stub",
    re.IGNORECASE,
)
_DEAD: Final = re.compile(r"stub process '(?P<instance>[^']{1,300})' is not healthy", re.IGNORECASE)
_OVERLOADED: Final = re.compile(r"exceeds? maximum queue size|queue is full", re.IGNORECASE)


def translate(text: str, *, refused: bool, model: str) -> GatewayError:
    """The error of ours for Triton's `text`; `refused` tells that Triton blames the input (INVALID_ARG)."""
    said = _ENSEMBLE.sub("", text)
    refusal = _REFUSAL.match(said)
    if refused and refusal is not None:
        kind = MediaLimit if refusal["limit"] else MediaUnreadable
        return kind(_shown(refusal["step"], refusal["reason"]), step=refusal["step"])
    log.warning("triton.failed", extra={"model": model, "said": text[:1000]})
    if (dead := _DEAD.search(said)) is not None:
        return ModelDied(instance=dead["instance"])
    if _NOT_READY.search(said):
        return PipelineNotReady()
    return TritonOverloaded() if _OVERLOADED.search(said) else TritonFailed()


def _shown(step: str, reason: str) -> str:
    printable = "".join(character for character in reason if character.isprintable())
    return f"Step {step} refused it: {printable[:MAX_REFUSAL_CHARACTERS].rstrip('. ')}."


def unavailable(detail: str) -> TritonUnavailable:
    """The error for a Triton that does not answer; why goes to the log."""
    log.warning("triton.unavailable", extra={"said": detail[:1000]})
    return TritonUnavailable()


def mixed_up(asked: str, answered: str) -> TritonUnavailable:
    """The error for an answer that names another request than the one it came for."""
    log.error("triton.answer_mixed_up", extra={"asked": asked, "answered": answered[:100]})
    return TritonUnavailable()
