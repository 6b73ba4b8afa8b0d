"""What goes out to addresses that callers name, each within what its settings allow."""

from gateway.adapters.outgoing.media import UrlFetcher
from gateway.adapters.outgoing.targets import Targets
from gateway.adapters.webhooks.courier import WebhookCourier
from gateway.settings import Settings


def courier(settings: Settings) -> WebhookCourier:
    """What takes letters to hooks."""
    return WebhookCourier(_targets(settings.hooks_allow_private, settings.hooks_allowed))


def fetcher(settings: Settings) -> UrlFetcher | None:
    """What fetches media from URLs; None where callers may not name them so."""
    if not settings.media_urls:
        return None
    return UrlFetcher(_targets(settings.media_urls_allow_private, settings.media_urls_allowed))


def _targets(allow_private: bool, allowed: str) -> Targets:
    return Targets(allow_private=allow_private, allowed=[each for each in allowed.split(",") if each.strip()])
