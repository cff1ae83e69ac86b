"""JSON as API Gateway's mapping templates see it: read strictly, written again, and looked up by JSONPath."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

MAX_DEPTH: Final = 512

_STEP: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\.(\*)|\['([^']*)'\]|\[(\d+)\]|\[(\*)\]")


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
        # A lone surrogate is no text that could be sent on.
        text.encode()
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
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{write(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return str(value) if isinstance(value, _Number) else json.dumps(value, ensure_ascii=False)


def find(value: Any, path: str) -> Any:
    """What a JSONPath leads to: one value, or None; a list where the path has a ``*``.

    Raises:
        NotModelledError: a path of another form.

    >>> find({"a": [{"b": 1}, {"b": 2}]}, "$.a[*].b"), find({"a": {"b": 1}}, "$.a.b"), find({}, "$.a")
    ([1, 2], 1, None)
    """
    if not path.startswith("$"):
        path = f"$.{path}"
    steps = list(_steps(path))
    found = [value]
    for step in steps:
        found = [inner for one in found for inner in _down(one, step)]
    if "*" in steps:
        return found
    return found[0] if found else None


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
