"""Profiles: when events are due, and that processes share them without a gap or a repeat."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.load.profiles import NAMES, Profile, named, parse

POINTS = st.lists(st.tuples(st.floats(0.01, 5), st.floats(0, 80)), min_size=1, max_size=6).flatmap(
    lambda steps: st.tuples(st.floats(0, 80), st.just(steps))
)


def profile_of(first: float, steps: list[tuple[float, float]]) -> Profile:
    at, points = 0.0, [(0.0, first)]
    for seconds, rate in steps:
        at += seconds
        points.append((at, rate))
    return Profile(tuple(points))


def area(profile: Profile, until: float) -> float:
    """Events up to a time, summed by trapezoids."""
    total = 0.0
    for (begin, low), (end, high) in pairwise(profile.points):
        if begin >= until or end == begin:
            continue
        stop = min(end, until)
        rate = low + (high - low) * (stop - begin) / (end - begin)
        total += (stop - begin) * (low + rate) / 2
    return total


@given(POINTS)
def test_the_nth_event_is_due_when_n_events_would_have_come(drawn: tuple[float, list[tuple[float, float]]]) -> None:
    profile = profile_of(*drawn)
    due = list(profile.schedule())
    assert [number for number, _ in due] == list(range(profile.count))
    assert all(early <= late + 1e-9 for (_, early), (_, late) in pairwise(due))
    for number, at in due:
        assert 0 <= at <= profile.duration + 1e-6
        assert area(profile, at) == pytest.approx(number, abs=1e-3)


@given(POINTS, st.integers(1, 7))
def test_processes_together_have_the_whole_schedule(
    drawn: tuple[float, list[tuple[float, float]]], processes: int
) -> None:
    profile = profile_of(*drawn)
    parts = [pair for process in range(processes) for pair in profile.schedule(process, processes)]
    assert sorted(parts) == list(profile.schedule())


@pytest.mark.parametrize(
    ("name", "count"),
    [("steady", 6000), ("ramp", 3000), ("spike", 11400), ("burst", 19500), ("diurnal", 3750)],
)
def test_each_named_profile_has_as_many_events_as_its_shape_says(name: str, count: int) -> None:
    profile = named(name, rate=100, duration=60)
    assert profile.count == count
    assert profile.duration == 60
    assert profile.peak == pytest.approx({"spike": 1000, "burst": 1000}.get(name, 100))


def test_a_burst_of_ten_times_for_sixty_seconds_is_just_that() -> None:
    profile = named("spike", rate=200, duration=180, factor=10, peak_for=60)
    times = [at for _, at in profile.schedule()]
    assert sum(60 <= at < 120 for at in times) == pytest.approx(120_000, abs=1)
    assert sum(at < 60 for at in times) == pytest.approx(12_000, abs=1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"name": "steady", "rate": 0, "duration": 1},
        {"name": "steady", "rate": 1, "duration": math.inf},
        {"name": "burst", "rate": 1, "duration": 10, "every": 1, "peak_for": 2},
        {"name": "spike", "rate": 1, "duration": 10, "peak_for": 11},
        {"name": "wave", "rate": 1, "duration": 10},
    ],
)
def test_what_makes_no_profile_is_refused_and_says_what_would(arguments: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="allowed"):
        named(**arguments)  # type: ignore[arg-type]


def test_files_are_json_pairs_json_objects_or_csv() -> None:
    expected = ((0.0, 10.0), (5.0, 10.0), (5.0, 20.0), (10.0, 0.0))
    assert parse("[[0,10],[5,10],[5,20],[10,0]]").points == expected
    assert parse('[{"t":0,"rate":10},{"t":5,"rate":10},{"t":5,"rate":20},{"t":10,"rate":0}]').points == expected
    assert parse("t,rate\n0,10\n5,10\n5,20\n10,0\n").points == expected
    assert parse("0,10\n\n5,10\n5,20\n10,0").points == expected
    assert parse("[[0,10],[5,20]]").scaled(peak=100, duration=50).points == ((0.0, 50.0), (50.0, 100.0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "t,rate",
        "[[0,1]]",
        "[[0,1],[1]]",
        "[[0,1],[1,-1]]",
        "[[1,1],[2,1]]",
        "[[0,1],[5,1],[4,1]]",
        "[[0,0],[5,0]]",
        "[[0,1],[0,1]]",
        "[[0,1],[1,NaN]]",
        "{",
        "{}",
        "a,b\nc,d",
        "0,inf\n1,1",
        "[1,2]",
    ],
)
def test_a_file_that_is_no_profile_is_refused_and_says_what_would_be(text: str) -> None:
    with pytest.raises(ValueError, match="allowed"):
        parse(text)


def test_every_name_has_a_profile() -> None:
    assert all(named(name, rate=5, duration=20).count > 0 for name in NAMES)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "[[0, 1], [60, %s]]" % ("9" * 400),
        "t,rate\n0,1\n60," + "9" * 140_000,
        '[{"t":' * 50_000,
        "0,1\n60,\x00",
    ],
)
def test_a_file_that_is_deep_or_long_or_holds_huge_numbers_is_refused_as_any_other(text: str) -> None:
    with pytest.raises(ValueError, match="allowed:"):
        parse(text)


def test_the_lines_of_a_profile_may_end_in_a_carriage_return_alone() -> None:
    assert parse("t,rate\r0,100\r60,500\r").points == ((0.0, 100.0), (60.0, 500.0))
