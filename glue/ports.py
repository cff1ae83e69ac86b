"""What every core needs of the world: time and chance. The real ones are in :mod:`glue.system_clock`."""

from typing import Protocol


class TimeSource(Protocol):
    """Gives the time."""

    def now(self) -> float:
        """Epoch seconds."""
        ...


class Clock(TimeSource, Protocol):
    """Time and chance, so that tests can have their own."""

    def sleep(self, seconds: float) -> None:
        """Comes back after that many seconds."""
        ...

    def random(self) -> float:
        """A number in [0, 1)."""
        ...
