"""Game days of the API of scores: what its function meets raises the alarms that name it, refused requests none."""

import json
import urllib.error
import urllib.request

import pytest

from consumers.scoring.keys import hashed
from tests.gamedays.conftest import seen
from tests.gamedays.day import CLEAN, Day

KEY = "a key of the game days"
PARAMETERS = {"ScoreKeys": f"web:{hashed(KEY)}:0"}


def score(day: Day, *, key: str = KEY) -> int:
    """The status of the answer to a text."""
    asked = urllib.request.Request(
        f"{day.outputs['ScoreApiUrl']}/v1/moderate",
        json.dumps({"text": CLEAN}).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=600) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def asks(day: Day) -> list[int]:
    """Every minute somebody has a text scored, and somebody else has no key; the statuses of all answers."""
    statuses: list[int] = []

    def asked(minute: int) -> None:
        day.usual(minute)
        statuses.extend([score(day), score(day, key="another")])

    day.produces = asked
    day.calm()
    assert set(statuses) == {200, 401}
    statuses.clear()
    return statuses


def function(day: Day) -> str:
    return f"{day.twin.stack.name}-score"


def test_the_function_of_scores_fails(day: Day, request: pytest.FixtureRequest) -> None:
    statuses = asks(day)
    day.fault(kind="function_error", function=function(day))
    seen(request, day.trips("ScoreErrorAlarm", "ScoreApiAlarm"))
    assert min(statuses) >= 500


def test_lambda_has_nothing_left_for_scores(day: Day, request: pytest.FixtureRequest) -> None:
    statuses = asks(day)
    day.fault(kind="function_throttle", function=function(day))
    seen(request, day.trips("ScoreThrottleAlarm", "ScoreApiAlarm"))
    assert min(statuses) >= 500


def test_scores_are_slow(day: Day, request: pytest.FixtureRequest) -> None:
    asks(day)

    def takes(name: str) -> None:
        if name == function(day):
            day.testbed.time.move(1.5)

    day.functions.before = takes
    seen(request, day.trips("ScoreSlowAlarm"))
