"""SQL's JSON paths: ``lax $.a[*].b``, for json_value, json_query and json_exists."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.json import JsonNumber, JsonObject, dump, load

_TOKEN: Final = re.compile(
    r"""\s*(?:\.\s*(?:([A-Za-z_$][\w$]*)|"((?:[^"])*)"|(\*))|\[\s*(?:(\*)|(\d+)|last)\s*\]|\?\s*\((.*)\)\s*$)"""
)
_TEST: Final = re.compile(
    r"""\s*@((?:\s*\.\s*[A-Za-z_$][\w$]*)*)\s*(==|!=|<>|<=|>=|<|>)\s*(-?\d+(?:\.\d+)?|"[^"]*"|true|false|null)\s*"""
)


@dataclass(frozen=True, slots=True)
class _Path:
    is_strict: bool
    steps: tuple[tuple[str, str], ...]


class _MissingError(Exception):
    """A strict path that does not fit the document."""


@lru_cache(maxsize=256)
def parse(path: str) -> _Path:
    """The steps of a path.

    Raises:
        QueryError: SYNTAX_ERROR for what is not a path; NOT_SUPPORTED for a part that is not translated.

    >>> parse("lax $.a[0]").steps
    (('member', 'a'), ('item', '0'))
    """
    match = re.fullmatch(r"\s*(lax|strict)?\s*\$(.*)", path, re.IGNORECASE | re.DOTALL)
    if match is None:
        raise refused(f"the JSON path {path!r}", advice="begin it with lax $ or strict $")
    rest, place, steps = match[2].rstrip(), 0, list[tuple[str, str]]()
    while place < len(rest):
        found = _TOKEN.match(rest, place)
        if found is None:
            raise refused(f"the part {rest[place : place + 20]!r} of a JSON path")
        name, quoted, every, items, index, test = found.groups()
        if name is not None or quoted is not None:
            steps.append(("member", name if name is not None else quoted))
        elif every:
            steps.append(("members", ""))
        elif test is not None:
            if not _TEST.fullmatch(test):
                raise refused(f"the filter {test!r} of a JSON path", advice="compare one member with a constant")
            steps.append(("filter", test))
        else:
            steps.append(("items", "") if items else ("item", index if index is not None else "last"))
        place = found.end()
    return _Path((match[1] or "lax").lower() == "strict", tuple(steps))


def _walk(document: object, path: _Path) -> list[object]:
    found = [document]
    for kind, argument in path.steps:
        found = [value for item in found for value in _STEPS[kind](item, argument, path.is_strict)]
    return found


def _opened(value: object, is_strict: bool) -> list[object]:
    # A lax path looks into an array for a member by itself.
    return list(value) if isinstance(value, list) and not is_strict else [value]


def _member(value: object, name: str, is_strict: bool) -> list[object]:
    found = []
    for item in _opened(value, is_strict):
        values = [v for k, v in item.pairs if k == name] if isinstance(item, JsonObject) else []
        if is_strict and not values:
            raise _MissingError
        found += values
    return found


def _members(value: object, _: str, is_strict: bool) -> list[object]:
    return [v for item in _opened(value, is_strict) if isinstance(item, JsonObject) for _, v in item.pairs]


def _items(value: object, _: str, is_strict: bool) -> list[object]:
    if isinstance(value, list):
        return list(value)
    if is_strict:
        raise _MissingError
    return [value]


def _item(value: object, index: str, is_strict: bool) -> list[object]:
    listed = value if isinstance(value, list) else [value]
    place = len(listed) - 1 if index == "last" else int(index)
    if is_strict and (not isinstance(value, list) or place >= len(listed)):
        raise _MissingError
    return listed[place : place + 1] if place >= 0 else []


def _filter(value: object, test: str, is_strict: bool) -> list[object]:
    match = _TEST.fullmatch(test)
    if match is None:
        return []
    names = tuple(name.strip() for name in match[1].split(".")[1:])
    wanted = load(match[3])
    kept = []
    for item in _opened(value, is_strict):
        found = _walk(item, _Path(False, tuple(("member", name) for name in names)))
        if any(_compares(one, match[2], wanted) for one in found):
            kept.append(item)
    return kept


def _compares(left: object, symbol: str, right: object) -> bool:
    a, b = (float(side.text) if isinstance(side, JsonNumber) else side for side in (left, right))
    if symbol in {"==", "!=", "<>"}:
        return (type(a) is type(b) and a == b) == (symbol == "==")
    if not (isinstance(a, float) and isinstance(b, float)) and not (isinstance(a, str) and isinstance(b, str)):
        return False
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[symbol]  # type: ignore[operator]


_STEPS: Final[dict[str, Callable[[object, str, bool], list[object]]]] = {
    "member": _member,
    "members": _members,
    "item": _item,
    "items": _items,
    "filter": _filter,
}


def _found(text: str, path: str, options: str) -> list[object] | None:
    """What the path leads to, or None where it fails.

    Raises:
        QueryError: with ERROR ON ERROR.
    """
    try:
        return _walk(load(text), parse(path))
    except (ValueError, _MissingError):
        if "error on error" in options:
            raise QueryError("JSON_INPUT_CONVERSION_ERROR", "the value is not JSON, or the path does not fit") from None
        return None


DEFAULT_EMPTY: Final = "\x00empty"
DEFAULT_ERROR: Final = "\x00error"


def value(text: str, path: str, options: str) -> str | None:
    """``json_value``: the one scalar, as text; marks where a DEFAULT is to be taken."""
    found = _found(text, path, options)
    if found == []:
        if "error on empty" in options:
            raise QueryError("JSON_VALUE_RESULT_ERROR", "cannot extract SQL scalar from JSON: no items")
        return DEFAULT_EMPTY if "default on empty" in options else None
    if found is None or len(found) != 1 or isinstance(found[0], JsonObject | list):
        if found is not None and "error on error" in options:
            raise QueryError("JSON_VALUE_RESULT_ERROR", "cannot extract SQL scalar from JSON")
        return DEFAULT_ERROR if "default on error" in options else None
    item = found[0]
    if isinstance(item, JsonNumber):
        return item.text
    return None if item is None else {True: "true", False: "false"}[item] if isinstance(item, bool) else str(item)


def query(text: str, path: str, options: str) -> str | None:
    """``json_query``: what the path leads to, as JSON text."""
    found = _found(text, path, options)
    if found == []:
        return _other(options, "empty", "JSON_VALUE_RESULT_ERROR")
    if found is None:
        return _other(options, "error", "JSON_VALUE_RESULT_ERROR")
    wraps = "with" in options.split() and not (
        "conditional" in options and len(found) == 1 and isinstance(found[0], JsonObject | list)
    )
    if wraps:
        return dump(found)
    if len(found) != 1:
        return _other(options, "error", "JSON_VALUE_RESULT_ERROR")
    return dump(found[0])


def _other(options: str, case: str, name: str) -> str | None:
    if f"empty array on {case}" in options:
        return "[]"
    if f"empty object on {case}" in options:
        return "{}"
    if f"error on {case}" in options:
        raise QueryError(name, "cannot extract SQL value from JSON")
    return None


def exists(text: str, path: str, options: str) -> bool | None:
    """``json_exists``: whether the path leads to anything; FALSE where it fails."""
    found = _found(text, path, options)
    if found is None:
        return None if "unknown on error" in options else "true on error" in options
    return bool(found)
