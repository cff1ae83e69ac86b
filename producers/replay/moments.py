"""Times as people type them after an option."""

import re
from datetime import UTC, datetime

from glue.terminal.times import read_time

_AGO = re.compile(r"(\d{1,6}(?:\.\d+)?)(s|m|h|d)", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
ALLOWED = "a time as 2026-03-01T12:00:00Z, a day as 2026-03-01 (midnight in UTC), or how long ago as 90m, 6h, 2d"


def moment(text: str, now: float) -> float:
    """Epoch seconds of a time, a day, or how long ago.

    Args:
        text: what was typed.
        now: epoch seconds.

    Raises:
        ValueError: it is none of these; the message says what is allowed.

    >>> moment("2h", 10_000.0), moment("1970-01-02", 0.0), moment("1970-01-01T00:00:01+00:00", 0.0)
    (2800.0, 86400.0, 1.0)
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - float(ago[1]) * _SECONDS[ago[2]]
    if _DAY.fullmatch(text):
        try:
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()
        except ValueError:
            raise ValueError(f"{text}: no day of the calendar; allowed: {ALLOWED}") from None
    read = read_time(text)
    if not isinstance(read, datetime):
        raise ValueError(f"{text}: {read.detail}; allowed: {ALLOWED}")  # noqa: TRY004 - a text of another form
    return read.timestamp()
