"""What is left of a caller's rate, in the words of the IETF draft "RateLimit header fields for HTTP"."""

import math

from gateway.domain.rates import Allowance


def rate_headers(allowance: Allowance) -> tuple[tuple[str, str], ...]:
    """The headers, or trailing metadata, that tell it: the policy, and what is left of it for how many seconds."""
    rate = allowance.rate
    return (
        ("ratelimit-policy", f'"key";q={rate.calls};w={rate.seconds}'),
        ("ratelimit", f'"key";r={allowance.remaining};t={math.ceil(allowance.reset)}'),
    )
