import ipaddress

import pytest

from gateway.adapters.outgoing.targets import Targets, is_public
from gateway.errors import CannotStart, TargetForbidden

FORBIDDEN = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "172.15.0.1",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450:4001:81b::200e",
]


def in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


@pytest.mark.parametrize("address", FORBIDDEN)
def test_an_address_that_is_not_public_is_refused_as_it_stands_and_behind_a_name(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    with pytest.raises(TargetForbidden):
        Targets().url(f"http://{in_url(address)}:8000/x")
    with pytest.raises(TargetForbidden):
        Targets().check("receiver.example", address)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_sent_to(address: str) -> None:
    Targets().check("receiver.example", address)
    assert Targets().url(f"https://{in_url(address)}/x?y=1").path == "/x"


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://127.1/",
        "http://0177.0.0.1/",
        "http://127.0.0.1./",
        "http://127.0.0.1../",
        "http://１２７.0.0.1/",
        "http://127。0。0。1/",
        "http://999.1.1.1/",
        "http://%31%32%37.0.0.1/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://127.0.0.0X1/",
        "http://receiver.1/",
    ],
)
def test_an_address_in_odd_writing_is_refused(url: str) -> None:
    with pytest.raises(TargetForbidden):
        Targets().url(url)


@pytest.mark.parametrize("url", ["http://localhost/", "http://metadata/", "http://0xcafe.example./"])
def test_a_name_is_left_to_the_look_up(url: str) -> None:
    assert Targets().url(url).raw_host


@pytest.mark.parametrize(
    "url",
    [
        "",
        "receiver.example",
        "//receiver.example/",
        "/told",
        "ftp://receiver.example/",
        "file:///etc/passwd",
        "gopher://receiver.example/",
        "unix:///run/docker.sock",
        "javascript:alert(1)",
        "http://",
        "http:///told",
        "http://receiver.example:0/",
        "http://receiver.example:99999/",
        "http://receiver.example:port/",
        "http://[::1/",
        "http://user@receiver.example/",
        "http://user:word@receiver.example/",
        "http://:word@receiver.example/",
        "http://public.example@127.0.0.1/",
        "http://receiver.example\\@127.0.0.1/",
        "http://127.0.0.1\\@receiver.example/",
        "http://a b/",
    ],
)
@pytest.mark.parametrize("rule", [Targets(), Targets(allow_private=True)], ids=["usual", "all allowed"])
def test_what_is_no_address_of_a_receiver_is_refused_whatever_is_allowed(url: str, rule: Targets) -> None:
    with pytest.raises(TargetForbidden) as refused:
        rule.url(url)
    assert "receiver" not in refused.value.message


def test_the_operator_may_allow_networks_addresses_and_names() -> None:
    rule = Targets(allowed=["10.0.0.0/8", "192.168.1.7", "FD00::/8", "Hooks.internal "])
    rule.url("http://10.1.2.3/")
    rule.url("http://192.168.1.7/")
    rule.url("http://[fd00::1]/")
    rule.check("hooks.internal", "127.0.0.1")
    rule.check("HOOKS.internal.", "127.0.0.1")
    for name, address in (("other", "192.168.1.8"), ("x.hooks.internal", "127.0.0.1"), ("other", "::ffff:10.0.0.1")):
        with pytest.raises(TargetForbidden):
            rule.check(name, address)


def test_all_may_be_allowed() -> None:
    Targets(allow_private=True).url("http://127.0.0.1:1/")
    Targets(allow_private=True).check("receiver.example", "::1")


@pytest.mark.parametrize(
    "entry", ["", "10.0.0.0/33", "300.1.1.1", "http://receiver.example", "a b", "-a", "*.internal"]
)
def test_what_is_neither_network_nor_name_stops_the_program(entry: str) -> None:
    with pytest.raises(CannotStart):
        Targets(allowed=[entry])
