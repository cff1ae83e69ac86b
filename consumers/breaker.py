"""A circuit breaker: who fails again and again is left alone for a while. Reads no clock; the caller does."""

from typing import Literal

State = Literal["closed", "open", "half_open"]

FAILURES = 10
"""In a row, until it opens."""
SECONDS = 60.0
"""Until one call is tried again."""


class Breaker:
    """The state of one service. For one thread.

    Args:
        failures: how many in a row open it, at least 1.
        seconds: how long it stays open until a call is tried.

    >>> breaker = Breaker(failures=2, seconds=60)
    >>> breaker.failed(100.0), breaker.failed(101.0), breaker.state(102.0), breaker.state(161.0)
    (False, True, 'open', 'half_open')
    """

    def __init__(self, *, failures: int = FAILURES, seconds: float = SECONDS) -> None:
        self._most = failures
        self._seconds = seconds
        self._failures = 0
        self._opened: float | None = None

    def state(self, now: float) -> State:
        """closed: call; open: do not; half_open: one call may be tried, and what becomes of it decides.

        Args:
            now: seconds since 1970.
        """
        if self._opened is None:
            return "closed"
        return "half_open" if now >= self._opened + self._seconds else "open"

    def succeeded(self) -> None:
        """Closes it."""
        self._failures, self._opened = 0, None

    def failed(self, now: float, *, for_good: bool = False) -> bool:
        """Whether this failure opens it.

        Args:
            now: seconds since 1970.
            for_good: no retry mends it, so that it need not happen again.
        """
        self._failures += 1
        # Answers to calls that were under way together come after it has opened; they change nothing.
        if self.state(now) == "open" or not (for_good or self._opened is not None or self._failures >= self._most):
            return False
        self._opened = now
        return True
