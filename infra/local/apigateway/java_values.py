"""What values are to a template: their methods, their members, their text and their order, as in Java.

A call is a method's and never a member's, nothing of Python can be reached, lengths are in UTF-16, expressions match as
a whole, ``true`` is in small letters, comparisons with nothing are false.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

import operator
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus

import re2

from infra.local.apigateway.json_values import find, read, write


class Map:
    """A JSON object: what is called is a method, whatever members it has."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    def get(self, name: object) -> Any:
        return wrapped(self._members.get(str(name)))

    def containsKey(self, name: object) -> bool:  # noqa: N802 - Java's name
        return str(name) in self._members

    def isEmpty(self) -> bool:  # noqa: N802
        return not self._members

    def keySet(self) -> "Sequence":  # noqa: N802
        return Sequence(list(self._members))

    def size(self) -> int:
        return len(self._members)

    def __str__(self) -> str:
        inner = (f"{name}={'null' if v is None else text_of(wrapped(v))}" for name, v in self._members.items())
        return "{" + ", ".join(inner) + "}"


class Sequence(list[Any]):
    """A JSON array."""

    def __iter__(self) -> Iterator[Any]:
        return map(wrapped, super().__iter__())

    def __str__(self) -> str:
        return write(list(super().__iter__()))


def wrapped(value: Any) -> Any:
    """A JSON value as a template sees it."""
    kind = type(value)
    if kind is str:
        return value
    if kind is dict:
        return Map(value)
    return Sequence(value) if kind is list else value


def text_of(value: Any) -> str:
    """A value as it is written.

    >>> text_of(True), text_of(1), text_of("a")
    ('true', '1', 'a')
    """
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Input:
    """``$input``: the body, and the request's parameters by place: path, querystring, header.

    Reading the body as JSON raises NotJsonError when it is none.

    Args:
        body: as text.
        params: by place: path, querystring, header.
    """

    def __init__(self, body: str, params: Mapping[str, Mapping[str, str]]) -> None:
        self.body = body
        self._params = params
        self._read: list[Any] = []

    def _document(self) -> Any:
        if not self._read:
            self._read.append(read(self.body) if self.body.strip() else {})
        return self._read[0]

    def path(self, path: str) -> Any:
        return wrapped(find(self._document(), path))

    def json(self, path: str) -> str:
        found = find(self._document(), path)
        return '""' if found is None else write(found)

    def params(self, name: str | None = None) -> Any:
        if name is None:
            return Map(dict(self._params))
        for place in ("path", "querystring", "header"):
            for key, value in self._params.get(place, {}).items():
                if key == name or (place == "header" and key.lower() == name.lower()):
                    return value
        return ""


class Util:
    """``$util``."""

    @staticmethod
    def base64Encode(text: object) -> str:  # noqa: N802 - AWS's name
        return b64encode(text_of(text).encode()).decode()

    @staticmethod
    def base64Decode(text: object) -> str:  # noqa: N802
        return b64decode(text_of(text)).decode("utf-8", "replace")

    @staticmethod
    def urlEncode(text: object) -> str:  # noqa: N802
        return quote_plus(text_of(text))

    @staticmethod
    def urlDecode(text: object) -> str:  # noqa: N802
        return unquote_plus(text_of(text))

    @staticmethod
    def parseJson(text: object) -> Any:  # noqa: N802
        return wrapped(read(text_of(text)))

    @staticmethod
    def escapeJavaScript(text: object) -> str:  # noqa: N802
        """As JavaScript has it: a single quote gets a backslash, too, which is no JSON."""
        inner = write(text_of(text))[1:-1].replace("'", "\\'").replace("/", "\\/")
        return "".join(one if ord(one) < 127 else _unicode(one) for one in inner)


def _unicode(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02X}{units[at + 1]:02X}" for at in range(0, len(units), 2))


def _length(text: str) -> int:
    return len(text) if text.isascii() else len(text) + sum(character > "\uffff" for character in text)


@lru_cache(1_000)
def _pattern(pattern: str) -> Any:
    return re2.compile(pattern)


@lru_cache(1_000)
def _matcher(pattern: str) -> Any:
    options = re2.Options()
    options.never_capture = True
    return re2.compile(pattern, options).fullmatch


def _split(text: str, pattern: str) -> Sequence:
    """Java's: empty ones at the end are left out."""
    parts = _pattern(pattern).split(text)
    while parts and not parts[-1]:
        parts.pop()
    return Sequence(parts)


_STRINGS: Final[Mapping[str, Callable[..., Any]]] = {
    "contains": lambda text, part: part in text,
    "endsWith": lambda text, part: text.endswith(part),
    "equals": lambda text, other: text == other,
    "equalsIgnoreCase": lambda text, other: text.lower() == str(other).lower(),
    "indexOf": lambda text, part: text.find(part),
    "isEmpty": lambda text: not text,
    "length": _length,
    "matches": lambda text, pattern: _matcher(pattern)(text.encode()) is not None,
    "replace": lambda text, old, new: text.replace(old, new),
    "replaceAll": lambda text, pattern, new: _pattern(pattern).sub(new, text),
    "split": _split,
    "startsWith": lambda text, part: text.startswith(part),
    "substring": lambda text, *bounds: text[slice(*bounds)] if len(bounds) > 1 else text[bounds[0] :],
    "toLowerCase": lambda text: text.lower(),
    "toString": lambda text: text,
    "toUpperCase": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
}
_LISTS: Final[Mapping[str, Callable[..., Any]]] = {
    "add": lambda those, one: those.append(one) is None,
    "contains": lambda those, one: one in those,
    "get": lambda those, index: wrapped(those[index]) if 0 <= index < len(those) else None,
    "isEmpty": lambda those: not those,
    "size": len,
}
_OF_OBJECTS: Final = frozenset(
    {
        *("containsKey", "get", "isEmpty", "json", "keySet", "params", "path", "size"),
        *("base64Decode", "base64Encode", "escapeJavaScript", "parseJson", "urlDecode", "urlEncode"),
    }
)
METHODS: Final = _OF_OBJECTS | set(_STRINGS) | set(_LISTS)
"""All that a template may call."""


@lru_cache
def method(name: str) -> Callable[..., Any]:
    """The method of this name, of whatever owner has one; of others the call gives nothing."""
    of_string, of_list = _STRINGS.get(name), _LISTS.get(name)
    of_map, of_input, of_util = (
        getattr(one, name, None) if name in _OF_OBJECTS else None for one in (Map, Input, Util)
    )

    def call(owner: Any, *arguments: Any) -> Any:
        kind = type(owner)
        if kind is str:
            return of_string and of_string(owner, *arguments)
        if kind is Map:
            return of_map and of_map(owner, *arguments)
        if kind is Input:
            return of_input and of_input(owner, *arguments)
        if owner is Util:
            return of_util and of_util(*arguments)
        return of_list(owner, *arguments) if of_list and isinstance(owner, list) else None

    return call


def member(owner: Any, name: str) -> Any:
    """``owner.name``; None where there is no such thing."""
    if isinstance(owner, Map):
        return owner.get(name)
    if isinstance(owner, dict):
        return owner.get(name)
    return owner.body if isinstance(owner, Input) and name == "body" else None


def item(owner: Any, index: Any) -> Any:
    """``owner[index]``; None where there is no such thing."""
    if isinstance(owner, Map | dict):
        return owner.get(index)
    return _LISTS["get"](owner, index) if isinstance(owner, list) and isinstance(index, int) else None


def same(left: Any, right: Any) -> bool:
    """Whether two values are alike, or are written alike; nothing is like nothing else."""
    if left is None or right is None:
        return False
    return bool(left == right) or text_of(left) == text_of(right)


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        return _is_number(left) and _is_number(right) and test(left, right)

    return compare


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    name: _compared(test)
    for names, test in (
        ((">", "gt"), operator.gt),
        ((">=", "ge"), operator.ge),
        (("<", "lt"), operator.lt),
        (("<=", "le"), operator.le),
    )
    for name in names
}
