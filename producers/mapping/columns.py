"""Values out of a row: by a column's name, by a path into nested values, by a template, by the first of several."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from glue.readers.rows import plain

MISSING: object = object()
"""What :meth:`Cells.find` gives where there is nothing."""

Place = str | tuple[str, ...]
"""Where a value lies: a column, ``user.name`` and ``langs.0`` inside one, ``{did}:{rkey}`` made of several, ``text[]``
or ``blocks[].text`` joined from the pieces of a list; or several such places, of which the first that holds something
counts."""

_PART = re.compile(r"\{([^{}]+)\}")
_PIECES = "[]"
_TEXTS = ("text", "content", "value")
"""Under which key a piece of text has its text, where none is said."""
_DEEPEST = 32


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a row must be like to be content.

    Args:
        column: a place in the row, or several; a value is compared as text.
        is_in: the values that will do; empty: any.
        is_not: the values that will not.
        or_missing: whether rows without the column will do.
    """

    column: Place
    is_in: tuple[str, ...] = msgspec.field(default=(), name="is")
    is_not: tuple[str, ...] = ()
    or_missing: bool = False

    def holds(self, cells: "Cells") -> bool:
        """Whether a row is like that.

        >>> Condition("kind", is_in=("post",)).holds(Cells({"kind": "like"}))
        False
        """
        value = cells.find(self.column)
        if value is MISSING or value is None:
            return self.or_missing
        text = _text(value)
        return (not self.is_in or text in self.is_in) and text not in self.is_not


class Cells:
    """One row's cells; remembers which columns were used as they are, and what was decoded.

    >>> cells = Cells({"user": msgspec.Raw(b'{"name":"ann","ids":[7,8]}'), "title": ""})
    >>> cells.find("user.name"), cells.find("user.ids.1"), cells.find("{user.name}:{user.ids.0}")
    ('ann', 8, 'ann:7')
    >>> cells.find(("title", "user.name")), cells.find("body") is MISSING
    ('ann', True)
    >>> Cells({"said": ["you ", {"type": "bold", "text": "all"}]}).find("said[]")
    'you all'
    """

    def __init__(self, cells: Mapping[str, object]) -> None:
        self._cells = cells
        self._decoded: dict[str, Any] = {}
        self.used: set[str] = set()

    def find(self, place: Place) -> object:
        """The value at a place, as the row has it; of several places the first that holds something."""
        if isinstance(place, str):
            return self._at(place)
        found = MISSING
        for one in place:
            value = self._at(one)
            if _holds_something(value):
                return value
            if found is MISSING:
                found = value
        return found

    def _at(self, place: str) -> object:
        if place in self._cells:
            self.used.add(place)
            return self._cells[place]
        if "{" in place:
            return self._filled(place)
        if _PIECES in place:
            return self._joined(place)
        return self._inside(place) if "." in place else MISSING

    def _inside(self, path: str) -> object:
        first, *rest = path.split(".")
        if first not in self._cells:
            return MISSING
        if first not in self._decoded:
            self._decoded[first] = plain(self._cells[first])
        value = self._decoded[first]
        for step in rest:
            if isinstance(value, dict) and step in value:
                value = value[step]
            elif isinstance(value, (list, tuple)) and step.isascii() and step.isdigit() and int(step) < len(value):
                value = value[int(step)]
            else:
                return MISSING
        return value

    def _joined(self, place: str) -> object:
        """The text that the pieces of a list make; a text that is no list stands for itself."""
        way, _, rest = place.partition(_PIECES)
        value = plain(self._cells[way]) if way in self._cells else self._inside(way)
        if not isinstance(value, (list, tuple)):
            return value if isinstance(value, str) else MISSING
        return "".join(_piece(one, rest.lstrip("."), _DEEPEST) for one in value)

    def _filled(self, template: str) -> object:
        values: dict[str, str] = {}
        for part in _PART.findall(template):
            value = self._cells[part] if part in self._cells else self._at(part)
            if not _holds_something(value) or isinstance(plain(value), (dict, list)):
                return MISSING
            values[part] = _text(value)
        return _PART.sub(lambda found: values[found[1]], template) if values else MISSING


def _piece(value: Any, rest: str, depth: int) -> str:
    """The text of one piece: text as it is, of an object what is at ``rest``, or its own text."""
    if isinstance(value, str):
        return value
    if depth == 0:
        return ""
    if isinstance(value, (list, tuple)):
        return "".join(_piece(one, rest, depth - 1) for one in value)
    if not isinstance(value, dict):
        return ""
    if not rest:
        found = next((value[name] for name in _TEXTS if isinstance(value.get(name), (str, list))), "")
        return _piece(found, "", depth - 1)
    step, _, behind = rest.partition(".")
    return _piece(value.get(step.removesuffix(_PIECES)), behind, depth - 1)


def places(given: Iterable[Place]) -> set[str]:
    """Every single place in these."""
    return {one for place in given for one in ((place,) if isinstance(place, str) else place)}


def _holds_something(value: object) -> bool:
    if isinstance(value, msgspec.Raw):
        return bytes(value) not in (b"null", b'""')
    return value is not MISSING and value is not None and value != ""


def _text(value: object) -> str:
    value = plain(value)
    if isinstance(value, str):
        return value
    if isinstance(value, msgspec.Raw):
        return bytes(value).decode("utf-8", "replace")
    return msgspec.json.encode(value).decode()
