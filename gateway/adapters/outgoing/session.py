"""Sessions for addresses that callers name: nothing is shared between requests, and nothing comes from outside."""

import ssl

import aiohttp

from gateway.adapters.outgoing.lookup import CheckedLookup


def open_session(
    lookup: CheckedLookup, *, at_once: int = 0, per_host: int, tls: ssl.SSLContext | None = None
) -> aiohttp.ClientSession:
    """A session of so many connections at once; 0 is any number.

    A connection is never used twice, so every request goes to an address that was checked for it, and nobody finds
    one that another left in disorder. Nothing is taken from the environment: no proxy, no netrc.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            resolver=lookup,
            use_dns_cache=False,
            force_close=True,
            limit=at_once,
            limit_per_host=per_host,
            ssl=tls or True,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        auto_decompress=False,
        trust_env=False,
    )
