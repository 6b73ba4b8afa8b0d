"""Where the gateway sends to: public addresses, and what the operator allows besides."""

import ipaddress
import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

from yarl import URL

from gateway.errors import CannotStart, TargetForbidden

Address = IPv4Address | IPv6Address

#: Special-purpose IPv4 (RFC 6890 and its successors), multicast, and the address of a host's own cloud services.
_CLOSED_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "168.63.129.16/32",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",
            "240.0.0.0/4",
        ),
    )
)
#: Global unicast IPv6. What maps, translates or compresses IPv4 lies outside of it, or is named below.
_OPEN_V6: Final = IPv6Network("2000::/3")
_CLOSED_V6: Final = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))

#: The last label of a host that is written as numbers; no name has such a one.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_ALLOWED: Final = "What hooks_allowed and media_urls_allowed name are networks, addresses and host names."
_NAME: Final = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?")


class Targets:
    """The rule of one gateway: `allowed` are networks and host names beside the public addresses."""

    def __init__(self, *, allow_private: bool = False, allowed: Iterable[str] = ()):
        self._all = allow_private
        self._networks: list[IPv4Network | IPv6Network] = []
        self._names: set[str] = set()
        for each in allowed:
            self._allow(each.strip().lower())

    def _allow(self, entry: str) -> None:
        try:
            self._networks.append(ipaddress.ip_network(entry, strict=False))
        except ValueError:
            if not _NAME.fullmatch(entry) or is_numeric(entry):
                raise CannotStart(
                    "What the gateway may reach besides is a network, an address or a host name."
                ) from None
            self._names.add(entry)

    def url(self, text: str) -> URL:
        """The address to send to, by its form alone; one that is written as numbers is checked here.

        Raises:
            TargetForbidden: nothing is sent to it.
        """
        try:
            url = URL(text)
            host, port = url.raw_host, url.port
        except ValueError:
            raise TargetForbidden("The address is not a URL.") from None
        if url.scheme not in ("http", "https") or not host or not port:
            raise TargetForbidden("The address is not an http or https URL.")
        if url.raw_user is not None or url.raw_password is not None:
            raise TargetForbidden("The address holds credentials: send them in a header.")
        if is_numeric(host):
            self.check(host, host)
        elif not _NAME.fullmatch(host.rstrip(".")):
            raise TargetForbidden("The address has no name of a host.")
        return url

    def check(self, name: str, address: str) -> None:
        """Refuse an address that a name leads to.

        Raises:
            TargetForbidden: nothing is sent there.
        """
        if self._all or name.rstrip(".").lower() in self._names:
            return
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            raise TargetForbidden from None
        if not self._is_allowed(parsed) and not is_public(parsed):
            raise TargetForbidden("The address is not public, and the operator does not allow it.")

    def _is_allowed(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def is_public(address: Address) -> bool:
    """Whether everybody can reach this address, and it stands for no other one."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def is_numeric(host: str) -> bool:
    """Whether this host stands for an address, however it is written: not everybody looks such a one up."""
    return ":" in host or _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None
