"""Tokens, as the settings describe them."""

import urllib.parse

from gateway.adapters.jwt.claims import Claims
from gateway.adapters.jwt.issuer import IssuerKeys
from gateway.adapters.jwt.tokens import SharedSecret, SigningKeys, TokenAccess
from gateway.bootstrap.loopback import is_loopback
from gateway.errors import CannotStart
from gateway.limits import LEAST_TOKEN_SECRET
from gateway.settings import Settings


def token_access(settings: Settings) -> TokenAccess:
    """Who tells the holders of tokens apart.

    Raises:
        CannotStart: a setting is missing or wrong.
    """
    if settings.jwt_issuer is None or settings.jwt_audience is None:
        raise CannotStart("With --auth jwt tokens are of one issuer and for one audience: name --jwt-issuer and "
                          "--jwt-audience.")  # fmt: skip
    claims = Claims(
        owner=settings.jwt_owner_claim, scope=settings.jwt_scope_claim, pipelines=settings.jwt_pipelines_claim
    )
    return TokenAccess(_keys(settings), settings.jwt_issuer, settings.jwt_audience, claims)


def _keys(settings: Settings) -> SigningKeys:
    given = (settings.jwt_secret, settings.jwt_secret_file, settings.jwt_jwks_url)
    if sum(each is not None for each in given) != 1:
        raise CannotStart(
            "With --auth jwt tokens are checked in one way: name --jwt-jwks-url (RS256), --jwt-secret-file (HS256), or "
            "set GATEWAY_JWT_SECRET (HS256)."
        )
    if settings.jwt_jwks_url is not None:
        return IssuerKeys(_issuer_url(settings.jwt_jwks_url, insecure=settings.insecure))
    return SharedSecret(_secret(settings))


def _secret(settings: Settings) -> bytes:
    path = settings.jwt_secret_file
    try:
        secret = (settings.jwt_secret or "").encode() if path is None else path.read_bytes().strip()
    except OSError as failure:
        raise CannotStart(f"The file of --jwt-secret-file, {path}, cannot be read: {failure.strerror}.") from failure
    if len(secret) < LEAST_TOKEN_SECRET:
        raise CannotStart(
            f"The secret of tokens has {len(secret)} bytes and needs {LEAST_TOKEN_SECRET}: "
            "openssl rand -base64 48 makes one."
        )
    return secret


def _issuer_url(url: str, *, insecure: bool) -> str:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CannotStart("--jwt-jwks-url is not of the form https://issuer/….json.")
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname):
        raise CannotStart(
            "Whoever stands between the gateway and http://… of --jwt-jwks-url could make tokens: use https, or say "
            "--insecure where nobody can."
        )
    return url
