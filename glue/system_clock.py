"""The real clock and real chance: the one place where they are read for a :class:`glue.ports.Clock`."""

import random
import time


class SystemClock:
    """Time that passes, and chance that nobody can foresee.

    >>> 0 <= SystemClock().random() < 1
    True
    """

    def now(self) -> float:
        """Epoch seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)

    def random(self) -> float:
        """A number in [0, 1)."""
        return random.random()  # noqa: S311 - jitter, not a secret
