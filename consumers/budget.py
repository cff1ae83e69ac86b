"""How often something may be done in an hour. Reads no clock; the caller does."""

HOUR = 3600.0


class HourlyBudget:
    """Counts within hours of the clock. For one thread.

    >>> budget = HourlyBudget()
    >>> [budget.take(now, limit=2) for now in (0.0, 1.0, 2.0, 3600.0)]
    [True, True, False, True]
    """

    def __init__(self) -> None:
        self._hour = -1
        self._taken = 0

    def take(self, now: float, *, limit: int) -> bool:
        """Whether it may be done once more; if so, it counts.

        Args:
            now: seconds since 1970.
            limit: times an hour.
        """
        hour = int(now // HOUR)
        if hour != self._hour:
            self._hour, self._taken = hour, 0
        if self._taken >= limit:
            return False
        self._taken += 1
        return True
