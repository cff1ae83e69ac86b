"""Where the twin's drivers read the time. The cores take it as an argument."""

import time
from typing import Protocol


class Clock(Protocol):
    """Gives the time as epoch seconds."""

    def now(self) -> float: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        return time.time()
