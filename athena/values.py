"""Values on their way to Athena and back: Python to SQL literals, Athena's text to Python."""

import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Value = int | float | Decimal | bool | str | datetime | date | list[Any] | dict[str, Any] | None
"""What a cell may hold. A datetime is in UTC, without a zone."""

MAX_LITERAL = 1024
"""Athena's limit on one execution parameter, in characters.

Source: https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html (2026-11-20)
"""


def text_literal(value: str) -> str:
    """A text as an SQL literal: whatever it holds, it stays a text.

    Athena takes an execution parameter for a text only in single quotes; inside them only the quote means something.

    Raises:
        ValueError: for U+0000, a lone surrogate, or more than Athena takes; the text itself is not in the message.

    Source: https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html (2026-11-20)

    >>> text_literal("x' OR '1'='1")
    "'x'' OR ''1''=''1'"
    """
    if "\x00" in value:
        raise ValueError("a text parameter holds U+0000; no text in the lake does, so leave it out")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("a text parameter is not valid Unicode; give it in UTF-8")
    literal = "'" + value.replace("'", "''") + "'"
    if len(literal) > MAX_LITERAL:
        raise ValueError(
            f"a text parameter is {len(literal)} characters long with its quotes; Athena takes {MAX_LITERAL}"
        )
    return literal


def integer_literal(value: int) -> str:
    """A whole number as an SQL literal.

    Raises:
        ValueError: it does not fit a bigint.
        TypeError: it is not a whole number.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"a whole number is wanted, not {type(value).__name__}")
    if not -(2**63) <= value < 2**63:
        raise ValueError("the number does not fit a bigint, which has 64 bits")
    return str(value)


def timestamp_literal(moment: datetime) -> str:
    """A moment as a text literal that ``CAST(? AS timestamp)`` reads: UTC, milliseconds.

    Args:
        moment: with a zone, and no finer than a millisecond: Athena's timestamps are not.

    Raises:
        ValueError: no zone, or too fine.

    >>> timestamp_literal(datetime(2026, 11, 20, 9, 30, tzinfo=UTC))
    "'2026-11-20 09:30:00.000'"
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no zone; give one, e.g. Z")
    if moment.microsecond % 1000:
        raise ValueError(
            f"{moment} is finer than a millisecond, and Athena's timestamps are not; cut it to milliseconds"
        )
    return text_literal(moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="milliseconds"))


def day_literal(moment: datetime) -> str:
    """The day of a moment, in UTC, as the text a partition is named by.

    >>> day_literal(datetime.fromisoformat("2026-11-20T00:30:00+01:00"))
    "'2026-11-19'"
    """
    return text_literal(moment.astimezone(UTC).date().isoformat())


def from_text(kind: str, text: str | None) -> Value:
    """The value that Athena wrote as text.

    Arrays, maps and rows stay as Athena wrote them: its text form quotes nothing, so ``[a, b]`` may be one element or
    two. Select what you need of them, with ``array_join``, ``UNNEST`` or ``r.field``; JSON comes back as lists and
    dictionaries.

    Args:
        kind: Athena's type, with or without its arguments: ``bigint``, ``decimal(9,2)``, ``timestamp(3)``.
        text: what stands in the cell; None is SQL's NULL.

    Raises:
        ValueError: the text is not of that type; the message holds the type and not the text.

    >>> from_text("bigint", "9007199254740993"), from_text("varchar", ""), from_text("varchar", None)
    (9007199254740993, '', None)
    >>> from_text("timestamp", "2026-11-20 09:30:00.125")
    datetime.datetime(2026, 11, 20, 9, 30, 0, 125000)
    """
    if text is None:
        return None
    read = _READERS.get(kind.lower().partition("(")[0].strip() if "time zone" not in kind.lower() else "zoned")
    if read is None:
        return text
    try:
        return read(text)
    except (ValueError, InvalidOperation, OverflowError, ZoneInfoNotFoundError):
        # Without the cause: its message would show the cell.
        raise ValueError(
            f"a cell of type {kind} is out of the range that Python holds; select CAST(column AS varchar) instead"
        ) from None


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number) and "inf" not in text.lower():
        raise ValueError
    return number


def _timestamp(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError
    return moment


def _zoned(text: str) -> datetime:
    local, _, zone = text.rpartition(" ")
    if zone[:1] in "+-" and zone[1:].replace(":", "").isdigit():
        return datetime.fromisoformat(f"{local}{zone}").astimezone(UTC).replace(tzinfo=None)
    return datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


_READERS: dict[str, Callable[[str], Value]] = {
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "int": int,
    "bigint": int,
    "double": _float,
    "float": _float,
    "real": _float,
    "decimal": Decimal,
    "boolean": _boolean,
    "date": date.fromisoformat,
    "timestamp": _timestamp,
    "zoned": _zoned,
    "json": json.loads,
}
