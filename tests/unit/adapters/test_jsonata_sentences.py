import re

import pytest

from gateway.adapters.children.frames import reply_bytes, reply_head
from gateway.adapters.jsonata.frames import Outcome, Refusal, refusal, refusal_bytes
from gateway.adapters.jsonata.sentences import invalid, past_limit


def test_a_sentence_says_what_is_wrong_where_and_by_which_code() -> None:
    unclosed = "The transform is not JSONata: a string is not closed (position 17) [S0101]."
    assert invalid(Refusal("S0101", 17)) == unclosed
    assert invalid(Refusal("T1006")) == "The transform failed: something that is no function is called [T1006]."


@pytest.mark.parametrize("code", ["", "D3999", "regex", "document", "S0999"])
def test_a_code_that_nobody_knows_still_makes_a_sentence(code: str) -> None:
    assert re.fullmatch(r"The transform [a-zJSON ]+: [a-zJSON ]+( \[[SD]\d{4}\])?\.", invalid(Refusal(code)))


@pytest.mark.parametrize("code", ["time", "memory", "size", "nested", "deep", "D2014", "U1001", "U1002"])
def test_a_limit_says_of_what_there_was_too_much(code: str) -> None:
    assert past_limit(Refusal(code)).startswith("The transform needs ")
    assert "needs more than" not in past_limit(Refusal(code))


@pytest.mark.parametrize("sent", [Refusal(), Refusal("S0101", 0), Refusal("D3137"), Refusal("", 3)])
def test_a_refusal_comes_through_a_pipe_as_it_went_in(sent: Refusal) -> None:
    assert refusal(refusal_bytes(sent)) == sent


def test_a_reply_says_how_it_ended_and_how_much_follows() -> None:
    assert reply_head(reply_bytes(Outcome.RESULT, b"12")[:-2]) == (Outcome.RESULT, 2)
