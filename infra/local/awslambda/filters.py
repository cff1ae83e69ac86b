"""FilterCriteria of an event source mapping: which records a function gets. Pure.

Sources (read 2026-11-30): https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html (syntax),
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis-filtering.html (the member ``data``, what is not JSON).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

MOST_FILTERS: Final = 5
"""Of a mapping; AWS raises it to ten on request."""
_LONGEST_PATTERN: Final = 4096
_MISSING: Final = object()

Test = Callable[[Any], bool]
"""Whether a value, or ``_MISSING``, passes."""
Filter = Callable[[Mapping[str, Any]], bool]
"""Whether a record passes."""


class PatternError(ValueError):
    """A pattern that Lambda would refuse; the message says where."""


def compile_filters(patterns: Sequence[str]) -> Filter | None:
    """What decides whether a record passes: one of the patterns is enough. None when there are none.

    Args:
        patterns: JSON texts, as ``Filters`` holds them under ``Pattern``.

    Raises:
        PatternError: a pattern is not as documented.

    >>> passes = compile_filters(['{"data": {"city": ["Rome"], "degrees": [{"numeric": [">", 30]}]}}'])
    >>> passes({"data": {"city": "Rome", "degrees": 31}}), passes({"data": {"city": "Rome", "degrees": 30}})
    (True, False)
    """
    if not patterns:
        return None
    if len(patterns) > MOST_FILTERS:
        raise PatternError(f"{len(patterns)} filters: at most {MOST_FILTERS} are allowed")
    tests = [_compile(pattern) for pattern in patterns]
    return lambda record: any(test(record) for test in tests)


def filtered_record(fields: Mapping[str, Any], data: bytes) -> Mapping[str, Any]:
    """A stream record as patterns see it: its metadata, and ``data`` when that is JSON."""
    try:
        return {**fields, "data": msgspec.json.decode(data)}
    except (msgspec.DecodeError, UnicodeDecodeError):
        # What is not JSON has no members: any pattern for them lets it go.
        return fields


def filtered_message(fields: Mapping[str, Any], body: str) -> Mapping[str, Any]:
    """A queue's message as patterns see it: its metadata, and ``body`` as JSON when it is, else as text."""
    try:
        return {**fields, "body": msgspec.json.decode(body)}
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {**fields, "body": body}


def _compile(text: str) -> Test:
    if len(text) > _LONGEST_PATTERN:
        raise PatternError(f"a pattern has at most {_LONGEST_PATTERN} characters")
    try:
        pattern = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise PatternError(f"the pattern {text[:100]!r} is not JSON: {error}") from None
    if not isinstance(pattern, dict) or not pattern:
        raise PatternError(f"the pattern {text[:100]!r} is not a JSON object with members")
    for member in ("data", "body"):
        if member in pattern and not isinstance(pattern[member], dict | list):
            raise PatternError(f"the pattern's {member} must be a JSON object")
    return _members(pattern, "")


def _members(pattern: Mapping[str, Any], where: str) -> Test:
    tests: list[tuple[str | None, Test]] = []
    for name, wanted in pattern.items():
        place = f"{where}.{name}" if where else name
        if name == "$or":
            if not isinstance(wanted, list) or len(wanted) < 2 or not all(isinstance(one, dict) for one in wanted):
                raise PatternError(f"{place}: a list of two patterns or more is allowed")
            tests.append((None, _any([_members(one, place) for one in wanted])))
        elif isinstance(wanted, dict):
            tests.append((name, _nested(_members(wanted, place))))
        elif isinstance(wanted, list) and wanted:
            tests.append((name, _value(wanted, place)))
        else:
            raise PatternError(f"{place}: a list of values or comparisons, or a structure, is needed; got {wanted!r}")

    def passes(found: Any) -> bool:
        if not isinstance(found, Mapping):
            return all(test(_MISSING) for _, test in tests)
        return all(test(found if name is None else found.get(name, _MISSING)) for name, test in tests)

    return passes


def _any(tests: Sequence[Test]) -> Test:
    return lambda found: any(test(found) for test in tests)


def _nested(test: Test) -> Test:
    def passes(found: Any) -> bool:
        # Of several structures in a list, one is enough.
        return any(map(test, found)) if isinstance(found, list) and found else test(found)

    return passes


def _value(wanted: Sequence[Any], where: str) -> Test:
    tests = [_comparison(one, where) for one in wanted]

    def passes(found: Any) -> bool:
        values = found if isinstance(found, list) and found else [found]
        return any(test(value) for test in tests for value in values)

    return passes


def _comparison(wanted: Any, where: str) -> Test:
    if not isinstance(wanted, dict):
        if isinstance(wanted, list):
            raise PatternError(f"{where}: a list within a list is not allowed")
        return lambda found: _equal(found, wanted)
    if len(wanted) != 1:
        raise PatternError(f"{where}: one comparison in each structure is allowed; got {sorted(wanted)}")
    [(name, given)] = wanted.items()
    if name in ("prefix", "suffix"):
        if isinstance(given, dict) and set(given) == {"equals-ignore-case"}:
            part = str(given["equals-ignore-case"]).lower()
            return lambda found: isinstance(found, str) and _ends(found.lower(), name, part)
        if not isinstance(given, str):
            raise PatternError(f"{where}: {name} needs a text; got {given!r}")
        return lambda found: isinstance(found, str) and _ends(found, name, given)
    if name == "equals-ignore-case":
        if not isinstance(given, str):
            raise PatternError(f"{where}: {name} needs a text; got {given!r}")
        return lambda found: isinstance(found, str) and found.lower() == given.lower()
    if name == "exists":
        if not isinstance(given, bool):
            raise PatternError(f"{where}: exists needs true or false; got {given!r}")
        return lambda found: (found is not _MISSING) == given
    if name == "numeric":
        return _numeric(given, where)
    if name == "anything-but":
        if isinstance(given, dict):
            but = _comparison(given, where)
            return lambda found: found is not _MISSING and not but(found)
        values = given if isinstance(given, list) else [given]
        return lambda found: found is not _MISSING and not any(_equal(found, value) for value in values)
    raise PatternError(
        f"{where}: {name!r} is not a comparison of Lambda's: prefix, suffix, equals-ignore-case, exists, numeric, "
        "anything-but"
    )


def _ends(text: str, name: str, part: str) -> bool:
    return text.startswith(part) if name == "prefix" else text.endswith(part)


def _numeric(given: Any, where: str) -> Test:
    if not isinstance(given, list) or len(given) not in (2, 4):
        raise PatternError(f'{where}: numeric needs one or two comparisons, such as [">", 0, "<=", 100]')
    pairs = [(given[at], given[at + 1]) for at in range(0, len(given), 2)]
    for operator, number in pairs:
        if operator not in _OPERATORS or isinstance(number, bool) or not isinstance(number, int | float):
            raise PatternError(f"{where}: numeric {operator!r} {number!r}: one of {', '.join(_OPERATORS)} and a number")

    def passes(found: Any) -> bool:
        if isinstance(found, bool) or not isinstance(found, int | float):
            return False
        return all(_OPERATORS[operator](found, number) for operator, number in pairs)

    return passes


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": lambda found, number: found == number,
    "<": lambda found, number: found < number,
    "<=": lambda found, number: found <= number,
    ">": lambda found, number: found > number,
    ">=": lambda found, number: found >= number,
}


def _equal(found: Any, wanted: Any) -> bool:
    # A JSON true is not 1.
    return type(found) is type(wanted) and found == wanted if isinstance(wanted, bool) else _same(found, wanted)


def _same(found: Any, wanted: Any) -> bool:
    if wanted is None:
        return found is None
    if isinstance(found, bool) or found is _MISSING:
        return False
    return bool(found == wanted)
