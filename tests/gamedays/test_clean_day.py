"""A clean day: 24 hours with a busy noon and a quiet night, and no alarm."""

import pytest

from tests.gamedays.conftest import came_to
from tests.gamedays.day import ACTED_ON, CLEAN, Day

QUIET = range(22 * 60, 30 * 60)
"""From ten in the evening to six in the morning, in minutes since midnight."""


def test_a_clean_day_trips_no_alarm(day: Day, request: pytest.FixtureRequest) -> None:
    def traffic(minute: int) -> None:
        of_day = 8 * 60 + minute
        if of_day in QUIET:
            # One event in five minutes, and none that anybody has to act on.
            if minute % 5 == 0:
                day.put([day.event(CLEAN)])
            return
        busy = 8 if 11 * 60 <= of_day <= 14 * 60 else 3
        day.put([day.event(CLEAN) for _ in range(busy)] + ([day.event(ACTED_ON)] if minute % 4 == 0 else []))
        if minute % 10 == 0:
            day.defer([day.event(CLEAN)])
        if minute % 60 == 0:
            day.put([b"not an event"])  # one a hour is usual

    day.produces = traffic
    day.minutes(24 * 60)
    assert day.gone_off() == {}
    came_to(request, "no alarm in 24 hours")
