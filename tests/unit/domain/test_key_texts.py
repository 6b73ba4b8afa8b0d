import pytest

from gateway.domain.keys import digest, key_text
from gateway.errors import InvalidInput


@pytest.mark.parametrize("given", [None, ""])
def test_no_key_is_none(given: str | None) -> None:
    assert key_text(given) is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"8e03978e"', "8e03978e"),
        ('"', '"'),
        ('a"b', 'a"b'),
        ("a b", "a b"),
        ("!", "!"),
        ("~", "~"),
        ("x" * 255, "x" * 255),
        ('"' + "x" * 255 + '"', "x" * 255),
    ],
)
def test_a_key_is_taken_with_or_without_the_quotes_of_a_structured_field(given: str, text: str) -> None:
    assert key_text(given) == text


@pytest.mark.parametrize("given", ["x" * 256, "größe", " a", "a ", " ", "a\n", "a\tb", '""', '" "', "a\x7f", "\x00"])
def test_what_is_not_printable_ascii_is_refused(given: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        key_text(given)
    assert refused.value.field == "Idempotency-Key"


def test_a_digest_is_sha_256() -> None:
    assert digest("", "abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_no_two_owners_have_a_digest_in_common() -> None:
    digests = [digest(owner, text) for owner in ("", "ann", "annk", "bob") for text in ("k", "kk", "annk")]
    assert len(set(digests)) == len(digests)
