"""JSON as API Gateway's mapping templates see it: read strictly, written again, and looked up by JSONPath."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any, Final

MAX_DEPTH: Final = 512

_STEP: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\.(\*)|\['([^']*)'\]|\[(\d+)\]|\[(\*)\]")


_SURROGATE: Final = re.compile(r"\\u[dD]")


class NotJsonError(ValueError):
    """Text that is no JSON document."""


class NotModelledError(Exception):
    """A template asks for something that the laptop runtime does not model."""


class _Number(float):
    """A number with a fraction or an exponent, which is written again as it came."""

    def __new__(cls, text: str) -> "_Number":
        made = super().__new__(cls, text)
        made.text = text
        return made

    text: str

    def __str__(self) -> str:
        return self.text


def read(text: str) -> Any:
    """The value in a JSON document; of a member that comes twice the last.

    Raises:
        NotJsonError: it is no JSON document, or nested too deep; the message holds nothing of it.

    >>> write(read('{"a": [1, 1.50], "a": [2.50]}'))
    '{"a":[2.50]}'
    >>> read("NaN")
    Traceback (most recent call last):
    infra.local.apigateway.json_values.NotJsonError: not a JSON document
    """
    try:
        value = json.loads(text, parse_float=_Number, parse_constant=_refuse)
        _measure(value, MAX_DEPTH)
        # A lone surrogate is no text that could be sent on, and only an escape can make one.
        text.encode()
        if _SURROGATE.search(text):
            write(value).encode()
    except (ValueError, RecursionError):
        raise NotJsonError("not a JSON document") from None
    return value


def _refuse(name: str) -> Any:
    raise NotJsonError(name)


def _measure(value: Any, left: int) -> None:
    if isinstance(value, dict | list):
        if not left:
            raise NotJsonError("too deep")
        for one in value.values() if isinstance(value, dict) else value:
            _measure(one, left - 1)


def write(value: Any) -> str:
    """A value as JSON, without spaces, characters outside ASCII as they are.

    >>> write({"a": [True, None, 1.5, 'x"y']})
    '{"a":[true,null,1.5,"x\\\\"y"]}'
    """
    if isinstance(value, str):
        return encode_basestring(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{encode_basestring(k)}:{write(v)}" for k, v in value.items()]) + "}"
    if isinstance(value, list):
        # Not over a Sequence's own way, which wraps what it gives.
        return "[" + ",".join([write(value[at]) for at in range(len(value))]) + "]"
    if value is True or value is False:
        return "true" if value else "false"
    return "null" if value is None else str(value)


def find(value: Any, path: str) -> Any:
    """What a JSONPath leads to: one value, or None; a list where the path has a ``*``.

    Raises:
        NotModelledError: a path of another form.

    >>> find({"a": [{"b": 1}, {"b": 2}]}, "$.a[*].b"), find({"a": {"b": 1}}, "$.a.b"), find({}, "$.a")
    ([1, 2], 1, None)
    """
    if not path.startswith("$"):
        path = f"$.{path}"
    steps = _read_path(path)
    if "*" not in steps:
        for step in steps:
            if isinstance(step, int):
                value = value[step] if isinstance(value, list) and step < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        return value
    found = [value]
    for step in steps:
        found = [inner for one in found for inner in _down(one, step)]
    return found


@lru_cache(20_000)
def _read_path(path: str) -> tuple[str | int, ...]:
    return tuple(_steps(path))


def _steps(path: str) -> Iterator[str | int]:
    place = 1
    while place < len(path):
        match = _STEP.match(path, place)
        if match is None:
            raise NotModelledError(f"JSONPath {path[:100]!r}: only names, ['names'], [0] and [*] are modelled")
        name, star, quoted, index, every = match.groups()
        if star or every:
            yield "*"
        elif index is not None:
            yield int(index)
        else:
            yield name if name is not None else quoted
        place = match.end()


def _down(value: Any, step: str | int) -> list[Any]:
    if step == "*":
        return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    if isinstance(step, int):
        return [value[step]] if isinstance(value, list) and step < len(value) else []
    return [value[step]] if isinstance(value, dict) and step in value else []
