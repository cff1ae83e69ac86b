"""Where in a TOML text each key and value stands, for messages that a person can act on."""

import re

from msgspec import Struct

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACES = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'  # closed by three quotes; up to two more belong to the content
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN_VALUE = re.compile(r"[^,\]}#\n]*")


class Place(Struct, frozen=True):
    """A position in a text, both counted from 1.

    Args:
        line: the line.
        column: the character in the line.
    """

    line: int
    column: int


class Places:
    """Where everything in a TOML text stands. The text must be TOML: ``tomllib`` has read it before.

    >>> places = Places('id = "x"\\n[[terms]]\\nrule = "a"\\n[[terms]]\\nrule = "b"')
    >>> places.value(("terms", 1, "rule"))
    Place(line=5, column=8)
    >>> places.key(("terms", 1, "rule"))
    Place(line=5, column=1)
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._keys: dict[Path, int] = {}
        self._values: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}
        self._read()

    def key(self, path: Path) -> Place:
        """Where the last key of the path is written; of what is not there, the closest table above."""
        for length in range(len(path), 0, -1):
            for known in (self._keys, self._values):
                if path[:length] in known:
                    return self.place(known[path[:length]])
        return Place(1, 1)

    def value(self, path: Path) -> Place:
        """Where the value at the path begins; of a table, its header; of what is not there, the closest table above."""
        return self.place(self._values[path]) if path in self._values else self.key(path)

    def place(self, offset: int) -> Place:
        """The line and column of a character, given its offset."""
        before = self._text.rfind("\n", 0, offset) + 1
        return Place(self._text.count("\n", 0, offset) + 1, offset - before + 1)

    def _read(self) -> None:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Path:
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        names = self._names()
        path: Path = ()
        for number, (name, offset) in enumerate(names):
            path = (*path, name)
            self._keys.setdefault(path, offset)
            if is_array and number == len(names) - 1:
                self._arrays[path] = self._arrays.get(path, -1) + 1
            if path in self._arrays:
                path = (*path, self._arrays[path])
                self._keys.setdefault(path, offset)
        self._skip(_SPACES)
        self._at += 2 if is_array else 1
        return path

    def _names(self) -> list[tuple[str, int]]:
        """The parts of a dotted key, each with its offset; ends behind the last of them."""
        names: list[tuple[str, int]] = []
        while True:
            self._skip(_SPACES)
            start = self._at
            quoted = _STRING.match(self._text, start)
            found = quoted or _BARE.match(self._text, start)
            if found is None:
                return names
            names.append((found[0][1:-1] if quoted else found[0], start))
            self._at = found.end()
            self._skip(_SPACES)
            if self._text[self._at : self._at + 1] != ".":
                return names
            self._at += 1

    def _pair(self, table: Path) -> None:
        path = table
        for name, offset in self._names():
            path = (*path, name)
            self._keys.setdefault(path, offset)
        self._at += 1  # the equals sign
        self._skip(_SPACES)
        self._value(path)

    def _value(self, path: Path) -> None:
        self._values[path] = self._at
        if (string := _STRING.match(self._text, self._at)) is not None:
            self._at = string.end()
        elif self._text[self._at : self._at + 1] == "[":
            self._at += 1
            position = 0
            while self._goes_on("]"):
                self._value((*path, position))
                position += 1
        elif self._text[self._at : self._at + 1] == "{":
            self._at += 1
            while self._goes_on("}"):
                self._pair(path)
        else:
            self._skip(_PLAIN_VALUE)

    def _goes_on(self, end: str) -> bool:
        """Whether another element follows; steps over the comma before it, or over the end."""
        self._skip(_BLANK)
        if self._text[self._at : self._at + 1] == ",":
            self._at += 1
            self._skip(_BLANK)
        if self._at >= len(self._text):
            return False
        if self._text[self._at] == end:
            self._at += 1
            return False
        return True

    def _skip(self, what: re.Pattern[str]) -> None:
        found = what.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
