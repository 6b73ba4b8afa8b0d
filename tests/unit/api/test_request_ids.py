import pytest

from gateway.api.request_id import request_id
from gateway.domain.ids import is_uuid


@pytest.mark.parametrize("given", ["a", "req-1", "A.b_c-9", "x" * 128])
def test_a_proper_name_of_the_callers_own_is_kept(given: str) -> None:
    assert request_id(given) == given


@pytest.mark.parametrize("given", [None, "", "x" * 129, "a b", "größe", "a\r\nb", "a\n"])
def test_any_other_request_gets_a_name_of_ours(given: str | None) -> None:
    assert is_uuid(request_id(given))
