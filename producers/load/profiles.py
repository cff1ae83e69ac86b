"""How a load's rate runs over time, and when each event is due: by the clock, whatever became of the others."""

import csv
import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

NAMES = ("steady", "burst", "ramp", "diurnal", "spike")
MAX_POINTS = 100_000
_DIURNAL_STEPS = 96
_NIGHT = 0.25
# Sums of rates come out a little beside the whole number that is meant.
_ROUNDING = 1e-6


class Profile(msgspec.Struct, frozen=True):
    """A rate that runs in straight lines from point to point; two points at one time are a jump.

    Args:
        points: (seconds from the start, events a second), in the order of time, the first at 0.

    >>> ramp = Profile(((0.0, 0.0), (2.0, 10.0)))
    >>> ramp.count, ramp.peak, ramp.duration
    (10, 10.0, 2.0)
    >>> [round(due, 2) for _, due in ramp.schedule()][:4]
    [0.0, 0.63, 0.89, 1.1]
    """

    points: tuple[tuple[float, float], ...]

    @property
    def duration(self) -> float:
        """Seconds from the start to the last point."""
        return self.points[-1][0]

    @property
    def peak(self) -> float:
        """The highest rate."""
        return max(rate for _, rate in self.points)

    @property
    def count(self) -> int:
        """How many events there are in all."""
        return max(0, math.ceil(sum(events for *_, events in self._pieces()) - _ROUNDING))

    def schedule(self, first: int = 0, step: int = 1) -> Iterator[tuple[int, float]]:
        """Each event's number and when it is due, in seconds from the start.

        The n-th is due when n events would have come at the rate so far. So ``schedule(p, n)`` of n processes, taken
        together, are ``schedule()``.

        Args:
            first: the first number, from 0.
            step: from one number to the next.
        """
        number, before = first, 0.0
        for begin, low, high, seconds, events in self._pieces():
            slope = (high - low) / seconds
            while number < before + events - _ROUNDING:
                left = number - before
                # The root that is exact when the rate is level, or begins at nothing.
                root = math.sqrt(max(0.0, low * low + 2.0 * slope * left))
                yield number, begin + (2.0 * left / (low + root) if left > 0 else 0.0)
                number += step
            before += events

    def scaled(self, *, peak: float | None = None, duration: float | None = None) -> "Profile":
        """The same shape with another highest rate, or stretched to another length."""
        up = 1.0 if peak is None else peak / self.peak
        along = 1.0 if duration is None else duration / self.duration
        return Profile(tuple((at * along, rate * up) for at, rate in self.points))

    def _pieces(self) -> Iterator[tuple[float, float, float, float, float]]:
        """Begin, first and last rate, seconds and events of each line that takes time."""
        for (begin, low), (end, high) in zip(self.points, self.points[1:], strict=False):
            if end > begin:
                yield begin, low, high, end - begin, (end - begin) * (low + high) / 2


def named(
    name: str,
    *,
    rate: float,
    duration: float,
    factor: float = 10.0,
    peak_for: float | None = None,
    every: float | None = None,
) -> Profile:
    """A profile by its name.

    ``steady`` keeps the rate. ``ramp`` climbs to it from nothing. ``diurnal`` is a day pressed into the duration: a
    quarter of the rate at its ends, the rate in its middle. ``spike`` keeps the rate but for one time of ``factor``
    times as much, in the middle; ``burst`` has such a time again and again.

    Args:
        name: one of :data:`NAMES`.
        rate: events a second, above 0.
        duration: seconds, above 0.
        factor: how many times the rate a spike or burst is.
        peak_for: how many seconds it lasts; a tenth of the duration, or a quarter of ``every``.
        every: seconds from one burst's begin to the next's; a fifth of the duration.

    Raises:
        ValueError: no such name, or the numbers make no profile.

    >>> named("spike", rate=10, duration=100).points
    ((0.0, 10.0), (45.0, 10.0), (45.0, 100.0), (55.0, 100.0), (55.0, 10.0), (100.0, 10.0))
    """
    for what, value in (("rate", rate), ("duration", duration), ("factor", factor)):
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{what} {value}; allowed: a number above 0")
    if name == "steady":
        return Profile(((0.0, float(rate)), (float(duration), float(rate))))
    if name == "ramp":
        return Profile(((0.0, 0.0), (float(duration), float(rate))))
    if name == "diurnal":
        return Profile(
            tuple(
                (
                    duration * step / _DIURNAL_STEPS,
                    rate * (_NIGHT + (1 - _NIGHT) * (1 - math.cos(math.tau * step / _DIURNAL_STEPS)) / 2),
                )
                for step in range(_DIURNAL_STEPS + 1)
            )
        )
    if name == "spike":
        lasts = duration / 10 if peak_for is None else peak_for
        return _peaks(rate, duration, factor, lasts, [(duration - lasts) / 2])
    if name == "burst":
        apart = duration / 5 if every is None else every
        lasts = apart / 4 if peak_for is None else peak_for
        if not 0 < lasts < apart:
            raise ValueError(f"bursts of {lasts:g} s every {apart:g} s; allowed: shorter than the time between them")
        begins = [apart * (place + 0.5) - lasts / 2 for place in range(math.ceil(duration / apart))]
        return _peaks(rate, duration, factor, lasts, [begin for begin in begins if begin < duration])
    raise ValueError(f"profile {name!r}; allowed: {', '.join(NAMES)}, or a file of points")


def _peaks(rate: float, duration: float, factor: float, lasts: float, begins: Sequence[float]) -> Profile:
    if not 0 < lasts <= duration:
        raise ValueError(f"a peak of {lasts:g} s within {duration:g} s; allowed: above 0, and no longer than all")
    low, high = float(rate), float(rate * factor)
    points = [(0.0, low)]
    for begin in begins:
        end = min(begin + lasts, duration)
        points += [(begin, low), (begin, high), (end, high), (end, low)]
    points.append((float(duration), low))
    return Profile(tuple(points))


def parse(text: str) -> Profile:
    """The profile in a file: JSON ``[[0, 100], [60, 500]]`` or ``[{"t": 0, "rate": 100}, ...]``, or CSV ``t,rate``.

    Raises:
        ValueError: it is neither, or its points make no profile; the text names the first that does not.

    >>> parse("t,rate\\n0,100\\n60,500\\n").points
    ((0.0, 100.0), (60.0, 500.0))
    """
    rows = _json_rows(text) if text.lstrip().startswith(("[", "{")) else _csv_rows(text)
    if not 2 <= len(rows) <= MAX_POINTS:
        raise ValueError(f"{len(rows)} points; allowed: 2 to {MAX_POINTS}")
    points: list[tuple[float, float]] = []
    for place, row in enumerate(rows, 1):
        try:
            at, rate = (float(value) for value in row)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(
                f"point {place}; allowed: two numbers, seconds from the start and events a second"
            ) from None
        if not (math.isfinite(at) and math.isfinite(rate) and rate >= 0):
            raise ValueError(f"point {place} is ({at:g}, {rate:g}); allowed: finite numbers, no rate below 0")
        if at < (points[-1][0] if points else 0.0) or (not points and at > 0):
            raise ValueError(f"point {place} is at {at:g} s; allowed: the first at 0, none before the one above it")
        points.append((at, rate))
    profile = Profile(tuple(points))
    if profile.duration <= 0 or profile.peak <= 0:
        raise ValueError("no time or no rate in it; allowed: a last point after the first, and a rate above 0")
    return profile


def _json_rows(text: str) -> list[Sequence[Any]]:
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        raise ValueError("not JSON though it begins like it; allowed: [[seconds, rate], ...], or CSV t,rate") from None
    rows = found if isinstance(found, list) else []
    return [[row.get("t"), row.get("rate")] if isinstance(row, dict) else row for row in rows]


def _csv_rows(text: str) -> list[Sequence[Any]]:
    try:
        rows: list[Sequence[Any]] = [row for row in csv.reader(text.splitlines()) if row]
    except csv.Error as error:
        raise ValueError(f"not CSV: {error}; allowed: t,rate on each line, or JSON [[seconds, rate], ...]") from None
    if rows and [str(cell).strip().lower() for cell in rows[0]] == ["t", "rate"]:
        del rows[0]
    return rows
