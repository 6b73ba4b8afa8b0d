"""The claims of a token, as a caller."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from gateway.domain.access import Caller, Scope
from gateway.domain.api_keys import checked_name
from gateway.errors import CredentialInvalid, InvalidInput

#: Stands in the list of pipelines for all.
_ALL: Final = "*"


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """Which claims say what."""

    owner: str = "sub"
    scope: str = "scope"
    #: None where tokens are for all pipelines; else a token that does not name any is for none.
    pipelines: str | None = None

    def caller(self, told: Mapping[str, Any]) -> Caller:
        """Who holds a token of these claims.

        Raises:
            CredentialInvalid: it does not say whose it is.
        """
        owner = told.get(self.owner)
        try:
            owner = checked_name(owner if isinstance(owner, str) else "", "owner")
        except InvalidInput:
            raise CredentialInvalid from None
        words = _words(told.get(self.scope))
        # Issuers give scopes for others, too, such as openid.
        scopes = frozenset(each for each in Scope if each in words)
        return Caller(owner=owner, scopes=scopes, pipelines=self._pipelines(told), name=owner)

    def _pipelines(self, told: Mapping[str, Any]) -> frozenset[str] | None:
        if self.pipelines is None:
            return None
        named = _words(told.get(self.pipelines))
        return None if _ALL in named else named


def _words(value: object) -> frozenset[str]:
    """Words of a claim that is a list of them, or a text with blanks between them."""
    if isinstance(value, str):
        return frozenset(value.split())
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()
