"""JSON as Trino reads it: documents keep the order and the text of what they hold, paths are Trino's small kind."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.text import double_text

_STEP: Final = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\["([^"\\]*)"\]|\['([^'\\]*)'\]""")
_ESCAPED: Final = re.compile(r'["\\\x00-\x1f]')
_ESCAPES: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f"}


@dataclass(frozen=True, slots=True)
class JsonObject:
    pairs: tuple[tuple[str, object], ...]


@dataclass(frozen=True, slots=True)
class JsonNumber:
    text: str

    @property
    def is_whole(self) -> bool:
        return not set(self.text) & set(".eE")


def _constant(text: str) -> object:
    raise ValueError(text)


def load(text: str) -> object:
    """The document in a text.

    Raises:
        ValueError: it is not JSON.
    """
    return json.loads(
        text,
        object_pairs_hook=lambda pairs: JsonObject(tuple(pairs)),
        parse_int=JsonNumber,
        parse_float=JsonNumber,
        parse_constant=_constant,
    )


@lru_cache(maxsize=256)
def parse_path(path: str) -> tuple[str | int, ...]:
    """The steps of a JSON path: names and positions.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT or NOT_SUPPORTED.

    >>> parse_path("$.a[0]['b c']")
    ('a', 0, 'b c')
    """
    if not path.startswith("$"):
        raise refused(f"the JSON path {path!r}", advice="begin it with $")
    steps: list[str | int] = []
    position = 1
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise refused(f"the JSON path {path!r}", advice="steps are .name, ['name'] and [0]")
        steps.append(int(match[2]) if match[2] is not None else next(g for g in match.groups() if g is not None))
        position = match.end()
    return tuple(steps)


_MISSING: Final = object()
_UNKNOWN: Final = object()
# Made once, without hooks: it runs in C alone, which takes a fifth of the time of ``load``.
_decode_plain: Final = json.JSONDecoder(parse_constant=_constant).decode


def _find_plain(document: object, steps: tuple[str | int, ...]) -> object:
    """The text at a path; None where nothing is, or no scalar; ``_UNKNOWN`` for what has more than one spelling."""
    for step in steps:
        if isinstance(document, dict):
            document = document.get(str(step))
        elif isinstance(document, list) and isinstance(step, int):
            document = document[step] if step < len(document) else None
        else:
            return None
    if isinstance(document, dict | list):
        return None
    return document if document is None or isinstance(document, str) else _UNKNOWN


def _find(document: object, steps: tuple[str | int, ...], *, last: bool = False) -> object:
    for step in steps:
        if isinstance(document, JsonObject):
            # Of two fields with one name Trino takes the first that it meets; json_parse keeps the last.
            pairs: Iterable[tuple[str, object]] = reversed(document.pairs) if last else document.pairs
            document = next((value for name, value in pairs if name == str(step)), _MISSING)
        elif isinstance(document, list) and isinstance(step, int):
            document = document[step] if step < len(document) else _MISSING
        else:
            return _MISSING
        if document is _MISSING:
            return _MISSING
    return document


def _open(text: str) -> object:
    try:
        return load(text)
    except ValueError:
        if text.strip()[:1] not in {"{", "[", '"'}:
            return _MISSING
        # Trino reads as far as the path needs, so its answer depends on where the document breaks.
        raise QueryError(
            "NOT_SUPPORTED", "a document is broken JSON; write try(json_parse(x)) for x to have NULL for it"
        ) from None


def dump(value: object, *, ordered: bool = False) -> str:
    """The document as Trino writes it.

    Args:
        value: what ``load`` gave.
        ordered: names in alphabetical order, the last of two equal names kept, as ``json_parse`` does.

    >>> dump(load('{"b": 1.50, "a": [true, null]}'), ordered=True)
    '{"a":[true,null],"b":1.5}'
    """
    if isinstance(value, JsonObject):
        pairs = sorted(dict(value.pairs).items()) if ordered else value.pairs
        return "{" + ",".join(f"{_quote(name)}:{dump(item, ordered=ordered)}" for name, item in pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(item, ordered=ordered) for item in value) + "]"
    if isinstance(value, JsonNumber):
        return value.text if value.is_whole else double_text(float(value.text))
    if isinstance(value, str):
        return _quote(value)
    return {None: "null", True: "true", False: "false"}[value if isinstance(value, bool) else None]


def quoted(text: str) -> str:
    """A text as a JSON string."""
    return _quote(text)


def _quote(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0], f"\\u{ord(match[0]):04X}")


def _scalar_text(value: object) -> str | None:
    if isinstance(value, JsonNumber):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else None


def extract_scalar(text: str, path: str) -> str | None:
    """``json_extract_scalar``: the string, number or boolean at a path, as text; None for anything else.

    >>> extract_scalar('{"a": {"b": 1.50}}', "$.a.b"), extract_scalar('{"a": {"b": 1}}', "$.a")
    ('1.50', None)
    """
    return _scalar_text(_find(_open(text), parse_path(path)))


def extract(text: str, path: str) -> str | None:
    """``json_extract``: what is at a path, as JSON text; None when nothing is."""
    found = _find(_open(text), parse_path(path))
    return None if found is _MISSING else dump(found)


def parse(text: str) -> str:
    """``json_parse``: the document in Trino's own form.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT when it is not JSON.
    """
    try:
        return dump(load(text), ordered=True)
    except ValueError:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "Cannot convert value to JSON") from None


def parsed_scalar(text: str, path: str) -> str | None:
    """``json_extract_scalar(json_parse(text), path)``, without the document written out in between.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT when it is not JSON.

    >>> parsed_scalar('{"a": 1, "a": 2.50}', "$.a")
    '2.5'
    """
    steps = parse_path(path)
    try:
        found = _find_plain(_decode_plain(text), steps)
    except ValueError:
        # No JSON, or a number that Python does not take: ``load`` tells them apart.
        found = _UNKNOWN
    if found is None or isinstance(found, str):
        return found
    try:
        found = _find(load(text), steps, last=True)
    except ValueError:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "Cannot convert value to JSON") from None
    return dump(found) if isinstance(found, JsonNumber) else _scalar_text(found)


def parse_unsorted(text: str) -> str:
    """``json_parse`` inside a CAST, whose members keep their order.

    Raises:
        QueryError: INVALID_CAST_ARGUMENT when it is not JSON.
    """
    try:
        return dump(load(text))
    except ValueError:
        raise QueryError("INVALID_CAST_ARGUMENT", "Cannot cast to the type: the value is not JSON") from None


def array_length(text: str) -> int | None:
    """``json_array_length``: None for what is not an array."""
    document = _open(text)
    return len(document) if isinstance(document, list) else None


def size(text: str, path: str) -> int | None:
    """``json_size``: members of the object or array at a path, 0 for a scalar."""
    found = _find(_open(text), parse_path(path))
    if found is _MISSING:
        return None
    if isinstance(found, JsonObject):
        return len(found.pairs)
    return len(found) if isinstance(found, list) else 0


def _bad_cast(target: str) -> QueryError:
    return QueryError("INVALID_CAST_ARGUMENT", f"Cannot cast a JSON value to {target}")


def to_varchar(text: str) -> str | None:
    """``CAST(json AS varchar)``."""
    value = load(text)
    if isinstance(value, JsonNumber):
        return value.text if value.is_whole else double_text(float(value.text))
    if value is None or isinstance(value, bool | str):
        return _scalar_text(value)
    raise _bad_cast("varchar")


def to_bigint(text: str) -> int | None:
    """``CAST(json AS bigint)``."""
    value = load(text)
    if value is None:
        return None
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, JsonNumber):
        number = Decimal(value.text).quantize(Decimal(1), rounding=ROUND_HALF_UP)
        if -(2**63) <= number < 2**63:
            return int(number)
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,18}", value):
        return int(value)
    raise _bad_cast("bigint")


def to_double(text: str) -> float | None:
    """``CAST(json AS double)``."""
    value = load(text)
    if value is None:
        return None
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, JsonNumber):
        return float(value.text)
    if isinstance(value, str) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", value):
        return float(value)
    raise _bad_cast("double")


def to_boolean(text: str) -> bool | None:
    """``CAST(json AS boolean)``."""
    value = load(text)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, JsonNumber):
        return float(value.text) != 0
    if isinstance(value, str) and value.lower() in {"t", "true", "1", "f", "false", "0"}:
        return value.lower() in {"t", "true", "1"}
    raise _bad_cast("boolean")


def to_elements(text: str) -> list[str | None] | None:
    """The elements of a JSON array, each as JSON text; None for JSON null."""
    value = load(text)
    if value is None:
        return None
    if isinstance(value, list):
        return [dump(item) for item in value]
    raise _bad_cast("array")


def to_keys(text: str) -> list[str] | None:
    """The names in a JSON object."""
    value = load(text)
    if value is None:
        return None
    if isinstance(value, JsonObject):
        names = [name for name, _ in value.pairs]
        if len(set(names)) == len(names):
            return names
    raise _bad_cast("map")


def to_values(text: str) -> list[str | None] | None:
    """The values in a JSON object, each as JSON text, in the order of ``to_keys``."""
    value = load(text)
    if value is None:
        return None
    if isinstance(value, JsonObject):
        return [dump(item) for _, item in value.pairs]
    raise _bad_cast("map")


def members(keys: list[str | None], values: list[str]) -> str:
    """A JSON object of a map: keys in alphabetical order, values as JSON text.

    >>> members(["b", "a"], ["1", "[]"])
    '{"a":[],"b":1}'
    """
    pairs = sorted(zip(map(str, keys), values, strict=True))
    return "{" + ",".join(f"{_quote(key)}:{value}" for key, value in pairs) + "}"


def made_object(keys: list[str], values: list[str]) -> str:
    """A JSON object in the order of its members."""
    return "{" + ",".join(f"{_quote(key)}:{value}" for key, value in zip(keys, values, strict=True)) + "}"


def field(text: str, name: str, index: int) -> str | None:
    """A row's field out of a JSON object by its name, or out of a JSON array by its place.

    Raises:
        QueryError: INVALID_CAST_ARGUMENT for anything else.
    """
    value = load(text)
    if isinstance(value, JsonObject):
        found = next((item for key, item in reversed(value.pairs) if key.lower() == name.lower()), _MISSING)
    elif isinstance(value, list):
        found = value[index] if index < len(value) else _MISSING
    else:
        raise _bad_cast("row")
    return None if found is _MISSING else dump(found)


def to_decimal(text: str, scale: int) -> str | None:
    """``CAST(json AS decimal)``, rounded half up to so many digits."""
    value = load(text)
    if value is None:
        return None
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, JsonNumber) or (isinstance(value, str) and re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", value)):
        number = Decimal(value.text if isinstance(value, JsonNumber) else value)
        return format(number.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_HALF_UP), "f")
    raise _bad_cast("decimal")


def array_get(text: str, index: int) -> str | None:
    """``json_array_get``: from the end for a negative index."""
    document = _open(text)
    if not isinstance(document, list) or not -len(document) <= index < len(document):
        return None
    item = document[index]
    # Trino gives strings without their quotes, which is not JSON; its documentation says so.
    return None if item is None else item if isinstance(item, str) else dump(item)


def array_contains(text: str, wanted: str) -> bool | None:
    """``json_array_contains``; ``wanted`` is JSON text."""
    document = _open(text)
    return any(dump(item) == wanted for item in document) if isinstance(document, list) else None


def is_scalar(text: str) -> bool:
    """``is_json_scalar``.

    Raises:
        QueryError: INVALID_FUNCTION_ARGUMENT when it is not JSON.
    """
    try:
        return not isinstance(load(text), JsonObject | list)
    except ValueError:
        raise QueryError("INVALID_FUNCTION_ARGUMENT", "Cannot convert value to JSON") from None
