"""Where the twin's drivers read the time. The cores take it as an argument."""

from glue.ports import TimeSource as Clock
from glue.system_clock import SystemClock

__all__ = ["Clock", "SystemClock"]
