"""Literals of days and intervals: ``'7' DAY``, ``'1.5' SECOND``, ``'2-3' YEAR TO MONTH`` and the like."""

import re
from datetime import date
from typing import Any, Final

_MILLISECONDS: Final = {"DAY": 86_400_000, "HOUR": 3_600_000, "MINUTE": 60_000, "SECOND": 1000}
_MONTHS: Final = {"YEAR": 12, "MONTH": 1}
_ORDER: Final = ("DAY", "HOUR", "MINUTE", "SECOND")


def is_day(text: str) -> bool:
    """Whether a text is a day of the calendar: ``2024-02-29``."""
    match = re.fullmatch(r"\s*(\d{4})-(\d{1,2})-(\d{1,2})\s*", text)
    try:
        return match is not None and date(int(match[1]), int(match[2]), int(match[3])) is not None
    except ValueError:
        return False


def read(text: str, unit: Any) -> tuple[int, bool] | None:
    """The interval of a literal: months or milliseconds, and whether it is months; None when it is not one.

    Args:
        text: what stands in quotes.
        unit: sqlglot's node of the unit, or of a span of two.
    """
    span = unit.args.get("expression")
    first = str(unit.this.name if span is not None else unit.name).upper().removesuffix("S")
    last = str(span.name).upper().removesuffix("S") if span is not None else first
    sign = -1 if text.strip().startswith("-") else 1
    digits = text.strip().lstrip("+-")
    if first in _MONTHS and last in _MONTHS:
        match = re.fullmatch(r"(\d+)-(\d+)" if first != last else r"(\d+)", digits)
        if match is None:
            return None
        months = int(match[1]) * _MONTHS[first] + (int(match[2]) if first != last else 0)
        return sign * months, True
    if first not in _ORDER or last not in _ORDER:
        return None
    units = _ORDER[_ORDER.index(first) : _ORDER.index(last) + 1]
    parts = r"(\d+)" + "".join((r"[ ]+" if units[i] == "DAY" else ":") + r"(\d+)" for i in range(len(units) - 1))
    match = re.fullmatch(parts + (r"(?:\.(\d+))?" if last == "SECOND" else ""), digits)
    if match is None or not units:
        return None
    total = sum(int(match[index + 1]) * _MILLISECONDS[name] for index, name in enumerate(units))
    if last == "SECOND" and match[len(units) + 1]:
        total += int(match[len(units) + 1].ljust(3, "0")[:3])
    return sign * total, False
