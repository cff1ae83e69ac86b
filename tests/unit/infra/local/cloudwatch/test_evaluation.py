"""When an alarm changes its state: the tables of AWS's page, cell by cell."""

import pytest

from infra.local.cloudwatch.evaluation import ALARM, INSUFFICIENT, OK, Rule, state

STAYS = "stays"
THREE_OF_THREE = [
    ("0 - X - X", OK, OK, OK, OK),
    ("0 - - - -", OK, OK, OK, OK),
    ("- - - - -", INSUFFICIENT, STAYS, ALARM, OK),
    ("0 X X - X", ALARM, ALARM, ALARM, ALARM),
    ("- - X - -", ALARM, STAYS, ALARM, OK),
]
TWO_OF_THREE = [
    ("0 - X - X", ALARM, ALARM, ALARM, ALARM),
    ("0 0 X 0 X", ALARM, ALARM, ALARM, ALARM),
    ("0 - X - -", OK, OK, ALARM, OK),
    ("- - - - 0", OK, OK, ALARM, OK),
    ("- - - X -", ALARM, STAYS, ALARM, OK),
]
CASES = [
    pytest.param(breaching, points, treatment, wanted, id=f"{breaching} of 3, {points}, {treatment}")
    for breaching, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for points, *cells in table
    for treatment, wanted in zip(("missing", "ignore", "breaching", "notBreaching"), cells, strict=True)
]


def rule(breaching: int, treatment: str) -> Rule:
    return Rule(comparison="GreaterThanThreshold", threshold=5.0, periods=3, breaching=breaching, missing=treatment)


def points(text: str) -> list[float | None]:
    return [{"0": 1.0, "X": 9.0, "-": None}[one] for one in text.split()]


@pytest.mark.parametrize("current", [OK, ALARM, INSUFFICIENT])
@pytest.mark.parametrize(("breaching", "shown", "treatment", "wanted"), CASES)
def test_the_state_is_that_of_awss_tables(
    breaching: int, shown: str, treatment: str, wanted: str, current: str
) -> None:
    found = state(rule(breaching, treatment), points(shown), current)
    assert found == (current if wanted == STAYS else wanted)


@pytest.mark.parametrize("shown", ["- - - - X", "- - - X -"])
def test_a_single_breach_that_is_new_does_not_go_off_before_its_time(shown: str) -> None:
    assert state(rule(3, "missing"), points(shown), OK) == OK


@pytest.mark.parametrize(
    ("comparison", "at_threshold", "above", "below"),
    [
        ("GreaterThanThreshold", OK, ALARM, OK),
        ("GreaterThanOrEqualToThreshold", ALARM, ALARM, OK),
        ("LessThanThreshold", OK, OK, ALARM),
        ("LessThanOrEqualToThreshold", ALARM, OK, ALARM),
    ],
)
def test_each_side_of_a_threshold_is_judged(comparison: str, at_threshold: str, above: str, below: str) -> None:
    judged = Rule(comparison=comparison, threshold=5.0, periods=1, breaching=1)
    assert [state(judged, [None, None, value], OK) for value in (5.0, 6.0, 4.0)] == [at_threshold, above, below]
