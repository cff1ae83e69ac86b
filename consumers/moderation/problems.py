"""What is wrong with a policy, in words that its author can act on: where, what was received, what is allowed."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec import inspect as shapes

if TYPE_CHECKING:
    from consumers.moderation.locate import Path, Places

_MOST_SHOWN = 60
"""Characters of a value that was received: a policy may be anything, a file of content included."""


class Problem(Struct, frozen=True):
    """One thing that is wrong.

    Args:
        line, column: where, from 1; 0 when it has no place.
        path: the key, such as ``terms[0].score``; empty for the policy as a whole.
        message: what was received, what is allowed, and what may have been meant.
    """

    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line else ""
        return f"{where}{self.path + ': ' if self.path else ''}{self.message}"


class PolicyError(ValueError):
    """A policy that cannot be used; one line for each problem, with its place and what is allowed."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Problems:
    """Collects what is wrong with one policy text."""

    def __init__(self, text: str) -> None:
        self.found: list[Problem] = []
        self._text = text
        self._places: Places | None = None

    def add(self, path: "Path", message: str, *, at_key: bool = False) -> None:
        """Notes a problem.

        Args:
            path: the key.
            message: what was received and what is allowed.
            at_key: whether the key is at fault and not its value.
        """
        if self._places is None:
            # Only a policy with problems needs it, and a cold start has none.
            from consumers.moderation.locate import Places

            self._places = Places(self._text)
        place = self._places.key(path) if at_key else self._places.value(path)
        self.found.append(Problem(place.line, place.column, path_name(path), message))

    def add_shape(self, document: Any, cls: type) -> None:
        """Notes every value in a document that a record type does not allow."""
        self._walk(shapes.type_info(cls), document, ())

    def refuse(self) -> None:
        """Raises when anything was noted.

        Raises:
            PolicyError: with everything noted, in the order of the text.
        """
        if self.found:
            raise self.error()

    def error(self) -> PolicyError:
        """Everything noted, in the order of the text."""
        return PolicyError(sorted(self.found, key=lambda one: (one.line, one.column)))

    def _walk(self, shape: shapes.Type, value: Any, path: "Path") -> None:
        meta = ""
        if isinstance(shape, shapes.Metadata):
            meta = str((shape.extra_json_schema or {}).get("description", ""))
            shape = shape.type
        if isinstance(shape, shapes.UnionType):
            self._union(shape, value, path)
        elif isinstance(shape, shapes.StructType):
            self._table(shape, value, path)
        elif isinstance(shape, shapes.DictType):
            if self._is(value, dict, "a table", path):
                if not value and shape.min_length:
                    self.add(path, "received an empty table; allowed: at least one entry")
                for key, inner in value.items():
                    before = len(self.found)
                    self._walk(shape.key_type, key, (*path, key))
                    if len(self.found) == before:
                        self._walk(shape.value_type, inner, (*path, key))
        elif isinstance(shape, shapes.VarTupleType):
            if self._is(value, list, "an array", path):
                if len(value) < (shape.min_length or 0):
                    self.add(path, "received an empty array; allowed: at least one entry")
                for position, inner in enumerate(value):
                    self._walk(shape.item_type, inner, (*path, position))
        else:
            self._single(shape, value, path, meta)

    def _union(self, shape: shapes.UnionType, value: Any, path: "Path") -> None:
        # None cannot be written in TOML: it only stands for what is left out.
        choices = [one for one in shape.types if not isinstance(one, shapes.NoneType)]
        if len(choices) == 1:
            self._walk(choices[0], value, path)
            return
        words: list[str] = []
        others = []
        for choice in choices:
            meta = ""
            if isinstance(choice, shapes.Metadata):
                meta = str((choice.extra_json_schema or {}).get("description", ""))
                choice = choice.type
            if _fits(choice, value):
                return
            if isinstance(choice, shapes.LiteralType):
                words += map(str, choice.values)
            else:
                others.append(meta or _described(choice))
        listed = (
            allowed(value, words)
            if any(words)
            else "allowed: " + " or ".join([*others, *(["an empty text"] * bool(words))])
        )
        self.add(path, f"received {shown(value)}; {listed}")

    def _table(self, shape: shapes.StructType, value: Any, path: "Path") -> None:
        if not self._is(value, dict, "a table", path):
            return
        fields = {field.encode_name: field for field in shape.fields}
        for key, inner in value.items():
            if key in fields:
                self._walk(fields[key].type, inner, (*path, key))
            else:
                self.add((*path, key), f"unknown key; {allowed(key, fields)}", at_key=True)
        for name, field in fields.items():
            if field.required and name not in value:
                what = "score, or severity" if name == "score" else name
                self.add(path, f"received a table without {what}; {what} is required", at_key=True)

    def _single(self, shape: shapes.Type, value: Any, path: "Path", described: str) -> None:
        if _fits(shape, value):
            return
        if isinstance(shape, shapes.LiteralType):
            self.add(path, f"received {shown(value)}; {allowed(value, map(str, shape.values))}")
        else:
            self.add(path, f"received {shown(value)}; allowed: {described or _described(shape)}")

    def _is(self, value: Any, kind: type, words: str, path: "Path") -> bool:
        if isinstance(value, kind):
            return True
        self.add(path, f"received {shown(value)}; allowed: {words}")
        return False


def allowed(received: object, names: Iterable[str]) -> str:
    """What is allowed, and which of it may have been meant.

    >>> allowed("flga", ["flag", "review"])
    "allowed: flag, review; did you mean 'flag'?"
    """
    every = sorted(names)
    listed = ", ".join(every[:30]) + (f" and {len(every) - 30} more" if len(every) > 30 else "")
    by_case = {name.lower(): name for name in every}
    word = received.lower() if isinstance(received, str) and len(received) <= _MOST_SHOWN else ""
    close = get_close_matches(word, by_case, n=1, cutoff=0.6) if word else []
    return f"allowed: {listed}" + (f"; did you mean {by_case[close[0]]!r}?" if close else "")


def shown(value: object) -> str:
    """A value that was received, as short as a message needs it."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, bool):
        return "true" if value else "false"
    if value == "":
        return "an empty text"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of over 60 digits"
    text = value if isinstance(value, str) else str(value)
    text = text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
    return repr(text) if isinstance(value, str) else text


def path_name(path: "Path") -> str:
    """A path as it is written in messages.

    >>> path_name(("terms", 0, "score"))
    'terms[0].score'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _fits(shape: shapes.Type, value: Any) -> bool:
    match shape:
        case shapes.StrType():
            return (
                isinstance(value, str)
                and len(value) >= (shape.min_length or 0)
                and (shape.max_length is None or len(value) <= shape.max_length)
                and (shape.pattern is None or re.search(shape.pattern, value) is not None)
            )
        case shapes.FloatType():
            return (
                isinstance(value, int | float)
                and not isinstance(value, bool)
                and (shape.ge is None or value >= shape.ge)
                and (shape.gt is None or value > shape.gt)
                and (shape.le is None or value <= shape.le)
                and (shape.lt is None or value < shape.lt)
            )
        case shapes.IntType():
            return (
                isinstance(value, int)
                and not isinstance(value, bool)
                and (shape.ge is None or value >= shape.ge)
                and (shape.le is None or value <= shape.le)
            )
        case shapes.BoolType():
            return isinstance(value, bool)
        case shapes.DateType():
            return isinstance(value, date) and not isinstance(value, datetime)
        case shapes.LiteralType():
            return isinstance(value, str) and value in shape.values
        case _:
            # A shape that no policy has today: what msgspec said about it is all there is to say.
            return True


def _described(shape: shapes.Type) -> str:
    match shape:
        case shapes.StrType(min_length=int(), max_length=int()):
            return f"a text of {shape.min_length} to {shape.max_length} characters"
        case shapes.StrType():
            return "a text"
        case shapes.BoolType():
            return "true or false"
        case shapes.DateType():
            return "a date such as 2027-01-31, without quotes"
        case _:
            return "a number"
