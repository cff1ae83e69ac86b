"""S3 key prefixes of a delivery stream: Firehose's expressions, read once and evaluated for each object.

Source: https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html and
https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html (2026-11-20)
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

DEFAULT_TIME = "yyyy/MM/dd/HH/"
"""What is appended to a prefix that says neither a time nor a partition."""

_EXPRESSION = re.compile(r"!\{([^:}]*)(?::([^}]*))?\}")
_RANDOM_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_RANDOM_LENGTH = 11
_PATTERN_PART = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|([^A-Za-z'])|(')")
# Written out: calendar's names follow the machine's locale, Firehose's do not.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class PrefixError(ValueError):
    """A prefix that Firehose would refuse; the message says which expression and what is allowed."""


@dataclass(frozen=True)
class Expression:
    """One ``!{namespace:value}`` of a prefix."""

    namespace: str
    value: str


@dataclass(frozen=True)
class Prefix:
    """A prefix, read: literal texts and expressions in turn."""

    parts: tuple[str | Expression, ...]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions, in order."""
        return tuple(part for part in self.parts if isinstance(part, Expression))

    def keys(self, namespace: str) -> tuple[str, ...]:
        """The values used with one namespace, e.g. the names of the partition keys."""
        return tuple(part.value for part in self.expressions if part.namespace == namespace)


def parse_prefix(text: str, *, error_output: bool = False) -> Prefix:
    """A prefix, ready to be evaluated.

    Args:
        text: the prefix as configured, up to 1,024 characters; may be empty.
        error_output: True for ``ErrorOutputPrefix``, which may use ``error-output-type`` and no partition keys.

    Raises:
        PrefixError: for an unknown namespace or value, and for a date-time letter that is not modelled.

    >>> parse_prefix("verdicts/dt=!{partitionKeyFromQuery:dt}/").keys("partitionKeyFromQuery")
    ('dt',)
    """
    if len(text) > 1024:
        raise PrefixError(f"a prefix has at most 1,024 characters, this one {len(text)}")
    parts: list[str | Expression] = []
    at = 0
    for match in _EXPRESSION.finditer(text):
        if match.start() > at:
            parts.append(text[at : match.start()])
        parts.append(_checked(Expression(match[1], match[2] or ""), match[0], error_output=error_output))
        at = match.end()
    if at < len(text):
        parts.append(text[at:])
    if any(isinstance(part, str) and "!{" in part for part in parts):
        raise PrefixError("a '!{' in the prefix is not closed by '}'")
    return Prefix(tuple(parts))


def evaluate(
    prefix: Prefix,
    *,
    arrival: float,
    zone: tzinfo = UTC,
    query_keys: Mapping[str, str] | None = None,
    lambda_keys: Mapping[str, str] | None = None,
    error_output_type: str | None = None,
    random: Callable[[], str] = lambda: "A" * _RANDOM_LENGTH,
) -> str:
    """The prefix of one object.

    Args:
        prefix: from :func:`parse_prefix`.
        arrival: epoch seconds at which the object's oldest record arrived.
        zone: the stream's ``CustomTimeZone``.
        query_keys, lambda_keys: the partition keys of the object's records.
        error_output_type: for an error object, e.g. ``processing-failed``.
        random: gives an 11-character string, anew for each expression.

    >>> evaluate(parse_prefix("raw/"), arrival=0.0)
    'raw/1970/01/01/00/'
    >>> evaluate(parse_prefix("errors-"), arrival=0.0, error_output_type="processing-failed")
    'errors-processing-failed/1970/01/01/00/'
    """
    moment = datetime.fromtimestamp(arrival, tz=zone)
    out: list[str] = []
    for part in prefix.parts:
        if isinstance(part, str):
            out.append(part)
        elif part.namespace == "timestamp":
            out.append(format_time(part.value, moment))
        elif part.namespace == "partitionKeyFromQuery":
            out.append((query_keys or {})[part.value])
        elif part.namespace == "partitionKeyFromLambda":
            out.append((lambda_keys or {})[part.value])
        elif part.value == "random-string":
            out.append(random())
        else:
            out.append(error_output_type or "")
    if error_output_type is not None and not prefix.expressions:
        out.append(f"{error_output_type}/{format_time(DEFAULT_TIME, moment)}")
    if error_output_type is None and all(expression.namespace == "firehose" for expression in prefix.expressions):
        out.append(format_time(DEFAULT_TIME, moment))
    return "".join(out)


def object_name(stream: str, version: str, *, at: float, unique: str, extension: str = "", zone: tzinfo = UTC) -> str:
    """The last part of an object's key.

    >>> object_name("verdicts", "1", at=0.0, unique="u-1", extension=".parquet")
    'verdicts-1-1970-01-01-00-00-00-u-1.parquet'
    """
    moment = datetime.fromtimestamp(at, tz=zone)
    return f"{stream}-{version}-{moment:%Y-%m-%d-%H-%M-%S}-{unique}{extension}"


def random_string(draw: Callable[[int], int]) -> str:
    """11 letters and digits, from ``draw(n)`` which gives a number below n.

    >>> random_string(lambda n: 0)
    'AAAAAAAAAAA'
    """
    return "".join(_RANDOM_ALPHABET[draw(len(_RANDOM_ALPHABET))] for _ in range(_RANDOM_LENGTH))


def time_zone(name: str) -> tzinfo:
    """The zone of a ``CustomTimeZone``.

    Raises:
        PrefixError: for a name that no time zone has.
    """
    if name in ("", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise PrefixError(f"CustomTimeZone {name!r} is not a time zone, e.g. Asia/Tokyo") from error


def format_time(pattern: str, moment: datetime) -> str:
    """A moment in the form of a Java ``DateTimeFormatter`` pattern (locale ROOT, English names).

    Raises:
        PrefixError: for a letter that is not modelled, or one repeated as Java does not allow.

    >>> format_time("yyyy-MM-dd'T'HH", datetime(2026, 11, 20, 9, tzinfo=UTC))
    '2026-11-20T09'
    """
    out: list[str] = []
    for match in _PATTERN_PART.finditer(pattern):
        quoted, letter, other, lone = match.groups()
        if letter:
            out.append(_field(letter, len(match[0]), moment, pattern))
        elif lone:
            raise PrefixError(f"pattern {pattern!r}: a quote at {match.start()} is not closed")
        elif other:
            if other in "{}#[]":
                raise PrefixError(f"pattern {pattern!r}: {other!r} is reserved or an optional section, not modelled")
            out.append(other)
        else:
            out.append("'" if quoted == "" else quoted.replace("''", "'"))
    return "".join(out)


def _field(letter: str, count: int, moment: datetime, pattern: str) -> str:
    if letter in "yu" and count <= 4:
        return f"{moment.year % 100:02d}" if count == 2 else str(moment.year).zfill(count)
    if letter in "ML" and count <= 4:
        name = _MONTHS[moment.month - 1]
        return {3: name[:3], 4: name}.get(count) or str(moment.month).zfill(count)
    if letter == "E" and count <= 4:
        name = _DAYS[moment.weekday()]
        return name if count == 4 else name[:3]
    if letter == "D" and count <= 3:
        return str(moment.timetuple().tm_yday).zfill(count)
    if letter == "S" and count <= 9:
        return f"{moment.microsecond:06d}000"[:count]
    if letter == "a" and count == 1:
        return "AM" if moment.hour < 12 else "PM"
    if letter == "X" and count <= 3:
        return _offset(moment, count)
    two = {
        "d": moment.day,
        "H": moment.hour,
        "k": moment.hour or 24,
        "K": moment.hour % 12,
        "h": moment.hour % 12 or 12,
        "m": moment.minute,
        "s": moment.second,
    }
    if letter in two and count <= 2:
        return str(two[letter]).zfill(count)
    raise PrefixError(
        f"pattern {pattern!r}: {letter * count!r} is not modelled; "
        "use y u M L d D E a H k K h m s S X in Java's lengths"
    )


def _offset(moment: datetime, count: int) -> str:
    minutes = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    if minutes == 0:
        return "Z"
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    if count == 1:
        return f"{sign}{hours:02d}{rest:02d}" if rest else f"{sign}{hours:02d}"
    return f"{sign}{hours:02d}{':' if count == 3 else ''}{rest:02d}"


def _checked(expression: Expression, text: str, *, error_output: bool) -> Expression:
    namespace, value = expression.namespace, expression.value
    if namespace == "timestamp" and value:
        format_time(value, datetime(2000, 1, 1, tzinfo=UTC))
        return expression
    if namespace == "firehose" and (value == "random-string" or (error_output and value == "error-output-type")):
        return expression
    if namespace in ("partitionKeyFromQuery", "partitionKeyFromLambda") and value and not error_output:
        return expression
    more = "firehose:error-output-type" if error_output else "partitionKeyFromQuery:<key>, partitionKeyFromLambda:<key>"
    raise PrefixError(
        f"expression {text} is not valid here; allowed: timestamp:<pattern>, firehose:random-string, {more}"
    )
