"""Mapping templates: Velocity by airspeed, with the objects and methods that API Gateway gives a template.

airspeed is in Python what Velocity is in Java, and where the two differ Java's way is brought back here: a call is a
method's and never a member's, nothing of Python can be reached, lengths are in UTF-16, expressions match as a whole,
``true`` is in small letters, comparisons with nothing are false. A method that is not modelled is refused when the
template is read, so that nothing works here and not there.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

import operator
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote_plus, unquote_plus

import airspeed  # type: ignore[import-untyped]
import re2

from infra.local.apigateway.json_values import NotModelledError, find, read, write

_CALL: Final = re.compile(r"\.([A-Za-z_]\w*)\(")
_MAX_LOOPS: Final = 1_000
"""Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html (iterations of #foreach)"""


class Boolean:
    """Java's, which is written in small letters."""

    def __init__(self, *, value: bool) -> None:
        self._value = value

    def __bool__(self) -> bool:
        return self._value

    def __str__(self) -> str:
        return "true" if self._value else "false"

    def __eq__(self, other: object) -> bool:
        return bool(self) == other if isinstance(other, bool | Boolean) else str(self) == str(other)

    def __hash__(self) -> int:
        return hash(self._value)


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
        return (
            "{" + ", ".join(f"{name}={'null' if v is None else wrapped(v)}" for name, v in self._members.items()) + "}"
        )


class Sequence(list[Any]):
    """A JSON array."""

    def __iter__(self) -> Iterator[Any]:
        return (wrapped(one) for one in super().__iter__())

    def __str__(self) -> str:
        return write(list(super().__iter__()))


def wrapped(value: Any) -> Any:
    """A JSON value as a template sees it."""
    if isinstance(value, dict):
        return Map(value)
    if isinstance(value, list) and not isinstance(value, Sequence):
        return Sequence(value)
    return Boolean(value=value) if isinstance(value, bool) else value


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
        return b64encode(str(text).encode()).decode()

    @staticmethod
    def base64Decode(text: object) -> str:  # noqa: N802
        return b64decode(str(text)).decode("utf-8", "replace")

    @staticmethod
    def urlEncode(text: object) -> str:  # noqa: N802
        return quote_plus(str(text))

    @staticmethod
    def urlDecode(text: object) -> str:  # noqa: N802
        return unquote_plus(str(text))

    @staticmethod
    def parseJson(text: object) -> Any:  # noqa: N802
        return wrapped(read(str(text)))

    @staticmethod
    def escapeJavaScript(text: object) -> str:  # noqa: N802
        """As JavaScript has it: a single quote gets a backslash, too, which is no JSON."""
        inner = write(str(text))[1:-1].replace("'", "\\'").replace("/", "\\/")
        return "".join(one if ord(one) < 127 else _unicode(one) for one in inner)


def _unicode(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[at]:02X}{units[at + 1]:02X}" for at in range(0, len(units), 2))


class Members(dict[str, Any]):
    """A part of ``$context``: what is not there is nothing."""

    def __missing__(self, name: str) -> None:
        return None


def context(values: Mapping[str, Any]) -> Members:
    """``$context`` with these values, and with the places for overrides.

    >>> context({"requestId": "1"})["requestOverride"]["path"]
    {}
    """
    made = _members(values)
    made["requestOverride"] = Members(path=Members(), header=Members(), querystring=Members())
    made["responseOverride"] = Members(header=Members())
    return made


def _members(values: Mapping[str, Any]) -> Members:
    return Members({name: _members(one) if isinstance(one, Mapping) else one for name, one in values.items()})


def render(template: str, *, given: Input, about: Members, stage_variables: Mapping[str, str]) -> str:
    """What a mapping template makes.

    Args:
        template: Velocity.
        given: ``$input``.
        about: ``$context``, whose overrides the template may set.
        stage_variables: ``$stageVariables``.

    Raises:
        NotJsonError: the template reads the body as JSON, and it is none.
        NotModelledError: the template cannot be read, or asks for what is not modelled.

    >>> render('{"n": "$input.path("$.a")"}', given=Input('{"a": "b"}', {}), about=context({}), stage_variables={})
    '{"n": "b"}'
    """
    names = {"input": given, "util": Util, "context": about, "stageVariables": Members(stage_variables)}
    try:
        made: str = _compiled(template).merge(names)
    except airspeed.TemplateExecutionError as error:
        cause = error.__cause__
        while isinstance(cause, airspeed.TemplateExecutionError):
            cause = cause.__cause__
        if cause is None or isinstance(cause, ValueError | NotModelledError):
            raise cause or error from None
        raise NotModelledError(f"a mapping template failed with {type(cause).__name__}") from None
    return made


def check(template: str) -> None:
    """Passes when a template can be rendered here.

    Raises:
        NotModelledError: it cannot be read, or calls a method that is not modelled.
    """
    _compiled(template)


@lru_cache(256)
def _compiled(template: str) -> Any:
    unknown = sorted(set(_CALL.findall(template)) - _METHODS)
    if unknown:
        raise NotModelledError(
            f"a mapping template calls {', '.join(unknown)}, which the laptop runtime does not model"
        )
    compiled = airspeed.Template(template)
    try:
        compiled.ensure_compiled()
    except airspeed.TemplateSyntaxError as error:
        raise NotModelledError(f"a mapping template cannot be read: {error}") from None
    return compiled


def _length(text: str) -> int:
    return len(text) + sum(character > "\uffff" for character in text)


_STRINGS: Final[Mapping[str, Callable[..., Any]]] = {
    "contains": lambda text, part: part in text,
    "endsWith": lambda text, part: text.endswith(part),
    "equals": lambda text, other: text == other,
    "equalsIgnoreCase": lambda text, other: text.lower() == str(other).lower(),
    "indexOf": lambda text, part: text.find(part),
    "isEmpty": lambda text: not text,
    "length": _length,
    "matches": lambda text, pattern: re2.fullmatch(pattern, text) is not None,
    "replace": lambda text, old, new: text.replace(old, new),
    "replaceAll": lambda text, pattern, new: re2.sub(pattern, new, text),
    "split": lambda text, pattern: _split(text, pattern),
    "startsWith": lambda text, part: text.startswith(part),
    "substring": lambda text, *bounds: text[slice(*bounds)] if len(bounds) > 1 else text[bounds[0] :],
    "toLowerCase": lambda text: text.lower(),
    "toString": lambda text: text,
    "toUpperCase": lambda text: text.upper(),
    "trim": lambda text: text.strip(),
}
_OF_OBJECTS: Final = frozenset(
    {
        *("add", "containsKey", "get", "isEmpty", "json", "keySet", "params", "path", "size"),
        *("base64Decode", "base64Encode", "escapeJavaScript", "parseJson", "urlDecode", "urlEncode"),
    }
)
_METHODS: Final = _OF_OBJECTS | set(_STRINGS)


def _split(text: str, pattern: str) -> Sequence:
    """Java's: empty ones at the end are left out."""
    parts = re2.split(pattern, text)
    while parts and not parts[-1]:
        parts.pop()
    return Sequence(parts)


def _compared(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(left: Any, right: Any) -> bool:
        numbers = isinstance(left, int | float) and isinstance(right, int | float)
        return numbers and test(left, right)

    return compare


def _same(left: Any, right: Any) -> bool:
    if left is None or right is None:
        return False
    return bool(left == right) or str(left) == str(right)


_LISTS: Final[Mapping[str, Callable[..., Any]]] = {
    "add": lambda those, one: Boolean(value=those.append(one) is None),
    "contains": lambda those, one: one in those,
    "get": lambda those, index: wrapped(those[index]) if 0 <= index < len(those) else None,
    "isEmpty": lambda those: not those,
    "size": len,
}


def _member(part: Any, owner: Any, loader: object, namespace: Any) -> Any:
    """What ``.name``, ``.name(...)`` or ``.name[...]`` of an owner is; None where there is no such thing."""
    if part.parameters is not None:
        arguments = part.parameters.calculate(namespace, loader)
        if isinstance(owner, str):
            method = _STRINGS.get(part.name)
            return None if method is None else method(owner, *arguments)
        if isinstance(owner, list):
            method = _LISTS.get(part.name)
            return None if method is None else method(owner, *arguments)
        is_ours = isinstance(owner, Map | Input) or owner is Util
        called = getattr(owner, part.name, None) if is_ours and part.name in _OF_OBJECTS else None
        return None if called is None else called(*arguments)
    value: Any = None
    if isinstance(owner, Input):
        value = owner.body if part.name == "body" else None
    elif isinstance(owner, Map):
        value = owner.get(part.name)
    elif isinstance(owner, dict):
        try:
            value = owner[part.name]
        except KeyError:
            return None
    if part.index is None:
        return value
    index = part.index.calculate(namespace, loader)
    if isinstance(value, Map):
        return value.get(index)
    if isinstance(value, dict):
        return value.get(index)
    return _LISTS["get"](value, index) if isinstance(value, list) and isinstance(index, int) else None


def _bring_back_java() -> None:
    airspeed.NameOrCall.calculate = _member
    operators = airspeed.BinaryOperator.OPERATORS
    for names, test in (
        ((">", "gt"), operator.gt),
        ((">=", "ge"), operator.ge),
        (("<", "lt"), operator.lt),
        (
            ("<=", "le"),
            operator.le,
        ),
    ):
        operators.update(dict.fromkeys(names, _compared(test)))
    operators.update({"==": _same, "eq": _same, "!=": lambda a, b: not _same(a, b), "ne": lambda a, b: not _same(a, b)})
    # A name may have a hyphen, as those of headers do.
    name = r"[a-z_][a-z0-9_-]*"
    airspeed.SetDirective.PLACE = re.compile(rf"\s*\$({name}(?:\.{name})*)", re.IGNORECASE)


_bring_back_java()
