import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.adapters.jsonata import engine, second
from unit.jsonata_table import NOTHING, ROWS, Error, Row

Engine = Callable[[str, str], str | None]
# The exact engine reads the clock in a way that Python 3.12 warns of.
pytestmark = pytest.mark.filterwarnings("ignore:datetime:DeprecationWarning")
by_name = pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])


def made(evaluate: Engine, row: Row) -> Any:
    """What an engine makes of a row."""
    try:
        result = evaluate(row.expression, json.dumps(row.document))
    except engine.Refused as refused:
        return Error(refused.refusal.code)
    except second.Failed as failed:
        return Error(failed.refusal.code)
    except ValueError as failure:
        words = str(failure)
        return Error("regex" if "Invalid regex" in words else engine.refused(row.expression, words).refusal.code)
    return NOTHING if result is None else json.loads(result)


def test_every_row_has_a_name_of_its_own_and_says_why_an_engine_deviates() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    deviating = {row.name for row in ROWS if row.why}
    assert len(deviating) <= 12, "more than a small list: is the engine still the right one?"
    assert all(bool(row.why) == (row.fast is not ... or row.exact is not ...) for row in ROWS)


@by_name
def test_the_two_engines_together_make_what_a_row_says(row: Row) -> None:
    assert made(engine.evaluate, row) == row.expected


@by_name
def test_the_fast_engine_makes_what_a_row_says_of_it(row: Row) -> None:
    assert made(engine.fast, row) == (row.expected if row.fast is ... else row.fast)


@by_name
def test_the_exact_engine_makes_what_a_row_says_of_it(row: Row) -> None:
    assert made(second.evaluate, row) == (row.expected if row.exact is ... else row.exact)


@pytest.mark.parametrize(
    ("expression", "shown"),
    [
        ("2.0", "2"),
        ("9007199254740991", "9007199254740991"),
        ("huge", "12345678901234567890123"),
        ("-0.5", "-0.5"),
        ("1e3", "1000"),
        ("'ü'", '"ü"'),
        ("[1.0, two, huge, null, $sum]", '[1,2,12345678901234567890123,null,""]'),
        ("{'a': half, 'b': digits}", '{"a":0.5,"b":"4111111111111111"}'),
    ],
)
def test_results_are_short_json_without_noise(expression: str, shown: str) -> None:
    document = '{"huge": 12345678901234567890123, "two": 2.0, "half": 0.50, "digits": "4111111111111111"}'
    assert engine.evaluate(expression, document) == shown


@pytest.mark.parametrize("expression", ["1/0", "[0/0]", "{'a': 1e308 * 10}", "5 % 0"])
def test_what_is_no_number_is_refused(expression: str) -> None:
    with pytest.raises(engine.Refused) as caught:
        engine.evaluate(expression, "{}")
    assert caught.value.refusal.code == "D1001"


def test_a_null_beside_arithmetic_is_a_null() -> None:
    assert engine.evaluate("[a * 2, b]", '{"a": 3, "b": null}') == "[6,null]"


@pytest.mark.parametrize(
    ("expression", "position"),
    [("a b", 3), ("", 0), ("(1 + 2", 6), ("'abc", 4), ("a.b[0]]", 7), ("größe größe", 11), ("1 /* abc", 8)],
)
def test_the_position_is_behind_the_last_token_that_was_read(expression: str, position: int) -> None:
    with pytest.raises(engine.Refused) as caught:
        engine.evaluate(expression, "{}")
    assert caught.value.refusal.position == position
