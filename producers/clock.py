"""The real clock and real chance."""

import random
import time


class SystemClock:
    """Time that passes, and chance that nobody can foresee.

    >>> 0 <= SystemClock().random() < 1
    True
    """

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def random(self) -> float:
        return random.random()  # noqa: S311 - jitter, not a secret
