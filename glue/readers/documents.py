"""Rows out of JSON documents: the items of a list somewhere inside one, a piece at a time, each as it was written.

A document may be larger than memory, so it is never parsed as a whole: brackets and strings are followed, and only an
item is decoded. An item that is not JSON is rejected alone, as long as its brackets match.
"""

import re
from collections.abc import Iterator

import msgspec

from glue.readers.json_lines import object_row
from glue.readers.rejection import Rejection
from glue.readers.rows import KEPT_OF_LONG_LINE, MAX_LINE_BYTES, Row, SourceError
from glue.units import KIB

MAX_NESTED_LISTS = 32
_MAX_KEY = KIB
_SHOWN = 12
# A whole string, or the beginning of one that goes on in the next bytes.
_OUTSIDE = re.compile(rb'"(?:[^"\\]++|\\.)*+"|["{}\[\]]', re.DOTALL)
# As far as there is no bracket: what stands between them, whole strings included.
_FLAT = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_QUOTE = ord('"')
_OPENING = frozenset(b"{[")
_INSIDE = re.compile(rb'["\\]')
_SPACE = b" \t\r\n"
_SCALAR_ENDS = re.compile(rb"[\s,\]}{\[]")
# How a file of a Twitter archive begins: JavaScript that assigns the list to a name.
_ASSIGNED = re.compile(rb"\s*(?:window\.|var |const |let )?[A-Za-z_$][\w$.]{0,99}\s*=\s*(?=[\[{])")


def items_path(text: str) -> tuple[str, ...]:
    """The keys that lead to the items. Lists on the way are walked through, so they need no step of their own.

    Raises:
        ValueError: an empty key.

    >>> items_path("data.children"), items_path("$.chats.list[*].messages[]"), items_path("/a.b/c"), items_path(".")
    (('data', 'children'), ('chats', 'list', 'messages'), ('a.b', 'c'), ())
    """
    if text.startswith("/"):
        steps = [step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/")]
        return tuple(step for step in steps if step != "*" and not step.isdigit())
    bare = text.removeprefix("$").replace("[*]", "").replace("[]", "").strip(".")
    steps = bare.split(".") if bare else []
    if not all(steps):
        raise ValueError(f"{text!r} is not a path to items; allowed: such as messages, data.children, or . for the top")
    return tuple(steps)


def is_document(head: bytes) -> bool:
    r"""Whether data that begins like this is one document (a list, or an object over several lines) or JSON lines.

    >>> is_document(b'[\n{"a":1}]'), is_document(b'{\n "a": 1}'), is_document(b'{"a":1}\n{"a":2}\n')
    (True, True, False)
    """
    start = head.lstrip(_SPACE)
    if start.startswith(b"[") or _ASSIGNED.match(start):
        return True
    first, feed, rest = start.partition(b"\n")
    first = first.rstrip()
    if not start.startswith(b"{") or not feed or not first.endswith((b"{", b"[", b",", b":")):
        return False
    # A line that breaks off is followed by the next object, the first line of an object by what is inside it.
    return first.endswith(b"[") or not rest.lstrip(_SPACE).startswith(b"{")


def read_documents(chunks: Iterator[bytes], *, path: tuple[str, ...] = ()) -> Iterator[Row]:
    """A row for each item, numbered from 1; of a document without a list the document itself.

    Args:
        chunks: UTF-8, one document, or several one after the other.
        path: the keys that lead to the items; empty: the document itself, or what the list at its top holds.

    Raises:
        SourceError: the document is broken outside its items, cut off, or has nothing at the path.

    >>> [row.raw for row in read_documents(iter([b'{"messages":[{"id":1},{"id":2}]}']), path=("messages",))]
    [b'{"id":1}', b'{"id":2}']
    """
    scanner = _Scanner(chunks)
    number = 0
    for raw, size in _numbered(scanner.items(path)):
        number += 1
        if size <= MAX_LINE_BYTES:
            yield object_row(number, raw)
            continue
        places = "" if path else _advice(raw)
        allowed = f"an item of {size:,} bytes; allowed: at most {MAX_LINE_BYTES:,}{places}"
        yield Row(number, {}, raw[:KEPT_OF_LONG_LINE], Rejection("size", allowed), is_cut=True)
    if path and not scanner.has_found:
        there = ", ".join(list(scanner.keys)[:_SHOWN]) or "none"
        raise SourceError(
            f"nothing is at {'.'.join(path)} in it; keys there: {there}; say --items with one that holds a list"
        )


def _numbered(items: Iterator[tuple[bytes, int]]) -> Iterator[tuple[bytes, int]]:
    """The items; what was there of one that broke off gets its number."""
    number = 0
    try:
        for number, item in enumerate(items, start=1):  # noqa: B007 - the last one counts
            yield item
    except SourceError as broken:
        if broken.rest is not None:
            broken.rest = (number + 1, broken.rest[1])
        raise


def lists_in(data: bytes) -> list[str]:
    """The paths to lists of objects in a document, or in the beginning of one, for advice.

    >>> lists_in(b'{"guild":{"name":"x"},"messages":[{"id":1}],"data":{"children":[{"kind":"t1"')
    ['messages', 'data.children']
    """
    found: list[str] = []
    keys: list[str | None] = []
    last: str | None = None
    place = 0
    while (mark := _OUTSIDE.search(data, place)) is not None:
        sign, place = mark[0], mark.end()
        if sign == b'"':
            break
        if sign.startswith(b'"'):
            behind = data[place : place + 8].lstrip(_SPACE)
            last = sign[1:-1].decode("utf-8", "replace") if behind.startswith(b":") else None
        elif sign in b"{[":
            keys.append(last)
            last = None
            if sign == b"[" and data[place : place + 64].lstrip(_SPACE).startswith(b"{"):
                way = ".".join(key for key in keys if key is not None)
                if way and way not in found:
                    found.append(way)
        elif keys:
            keys.pop()
    return found


def _advice(raw: bytes) -> str:
    places = lists_in(raw)
    if not places:
        return ""
    return f". If it is a document with rows inside, say where they are: --items {places[0]}" + (
        f" (or {', '.join(places[1:4])})" if places[1:] else ""
    )


class _Scanner:
    """Follows a document; holds one chunk, or one item up to the size of a row."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._data = b""
        self._at = 0
        self._passed = 0
        self.has_found = False
        # The keys beside those that were looked for, for messages.
        self.keys: dict[str, None] = {}

    def items(self, path: tuple[str, ...]) -> Iterator[tuple[bytes, int]]:
        """Each item's bytes (of a long one the beginning) and size."""
        if (start := _ASSIGNED.match(self._filled(256))) is not None:
            self._at += start.end()
        while self._sign() != b"":
            yield from self._walk(path, 0)
            if self._sign() in (b",", b";"):
                # Behind an assignment, or between objects that somebody separated.
                self._at += 1

    def _walk(self, path: tuple[str, ...], lists: int) -> Iterator[tuple[bytes, int]]:
        sign = self._sign()
        if sign == b"[" and (path or lists == 0):
            yield from self._list(path, lists + 1)
        elif not path:
            self.has_found = True
            yield self._value()
        elif sign == b"{":
            yield from self._object(path, lists)
        else:
            self._skip()

    def _list(self, path: tuple[str, ...], lists: int) -> Iterator[tuple[bytes, int]]:
        if lists > MAX_NESTED_LISTS:
            raise SourceError(f"lists nested over {MAX_NESTED_LISTS} deep at byte {self._place()}; say --items")
        self.has_found |= not path
        for _ in self._members(b"]"):
            yield from self._walk(path, lists)

    def _object(self, path: tuple[str, ...], lists: int) -> Iterator[tuple[bytes, int]]:
        for _ in self._members(b"}"):
            key = self._key()
            if key == path[0]:
                # What is at the end of the path may be a list, whose items count.
                yield from self._walk(path[1:], 0 if len(path) == 1 else lists)
            else:
                if len(self.keys) < 2 * _SHOWN:
                    self.keys[key] = None
                self._skip()

    def _members(self, end: bytes) -> Iterator[None]:
        """Once for each member of the list or object that begins here; whoever asks reads the member."""
        self._at += 1
        while (sign := self._sign()) != end:
            if sign in (b"", b"]", b"}", b":"):
                raise self._broken(f"{end.decode()} or another member")
            yield
            sign = self._sign()
            if sign == b",":
                self._at += 1
            elif sign != end:
                raise self._broken(f"a comma or {end.decode()}")
        self._at += 1

    def _key(self) -> str:
        if self._sign() != b'"':
            raise self._broken("a key in quotes")
        raw, size = self._value()
        if self._sign() != b":":
            raise self._broken("a colon")
        self._at += 1
        if size > _MAX_KEY:
            return ""
        try:
            return msgspec.json.decode(raw, type=str)
        except (msgspec.MsgspecError, ValueError):
            raise self._broken("a key in quotes") from None

    def _skip(self) -> None:
        self._value(keep=False)

    def _value(self, *, keep: bool = True) -> tuple[bytes, int]:
        """The value that begins here, and its size; of one that is too long for a row the beginning."""
        taken = _Taken(keep)
        if self._sign() not in (b'"', b"{", b"["):
            return self._scalar(taken)
        is_string = self._data[self._at] == _QUOTE
        depth = 0 if is_string else 1
        place = self._at + 1
        while True:
            if not is_string:
                flat = _FLAT.match(self._data, place)
                place = flat.end() if flat is not None else place
                if place == len(self._data):
                    place = self._take_more(taken)
                    continue
                sign = self._data[place]
                place += 1
                is_string = sign == _QUOTE
                depth += 0 if is_string else 1 if sign in _OPENING else -1
            else:
                mark = _INSIDE.search(self._data, place)
                if mark is None:
                    place = self._take_more(taken)
                    continue
                place = mark.end()
                if self._data[place - 1] != _QUOTE:
                    # What is escaped may come with the next bytes.
                    place = place + 1 if place < len(self._data) else self._take_more(taken) + 1
                    continue
                is_string = False
            if depth == 0 and not is_string:
                return self._take(taken, place)

    def _scalar(self, taken: "_Taken") -> tuple[bytes, int]:
        while (mark := _SCALAR_ENDS.search(self._data, self._at)) is None:
            found = self._take(taken, len(self._data))
            if not self._fill():
                return found
        if mark.start() == self._at and not taken.size:
            raise self._broken("a value")
        return self._take(taken, mark.start())

    def _take(self, taken: "_Taken", end: int) -> tuple[bytes, int]:
        taken.add(self._data, self._at, end)
        self._at = end
        return taken.bytes(), taken.size

    def _take_more(self, taken: "_Taken") -> int:
        """Takes all that is there, gets more, and gives the place where it begins."""
        taken.add(self._data, self._at, len(self._data))
        self._at = len(self._data)
        try:
            if self._fill():
                return 0
        except SourceError as broken:
            broken.rest = (0, taken.bytes()[:KEPT_OF_LONG_LINE]) if taken.keep else None
            raise
        rest = (0, taken.bytes()[:KEPT_OF_LONG_LINE]) if taken.keep else None
        raise SourceError(f"the document is cut off after {self._place()} bytes; rows up to there were read", rest=rest)

    def _sign(self) -> bytes:
        """The next byte that is no space; empty at the end."""
        while True:
            data, at = self._data, self._at
            while at < len(data) and data[at] in _SPACE:
                at += 1
            self._at = at
            if at < len(data):
                return data[at : at + 1]
            if not self._fill():
                return b""

    def _fill(self) -> bool:
        """Gets more, and lets go of what was passed; False at the end."""
        self._passed += self._at
        rest = self._data[self._at :]
        self._at = 0
        for chunk in self._chunks:
            if chunk:
                self._data = rest + chunk
                return True
        self._data = rest
        return False

    def _filled(self, wanted: int) -> bytes:
        while len(self._data) < wanted and self._fill():
            pass
        return self._data

    def _place(self) -> int:
        return self._passed + self._at

    def _broken(self, wanted: str) -> SourceError:
        found = self._data[self._at : self._at + 1]
        seen = repr(found.decode("latin-1")) if found else "the end"
        return SourceError(f"not JSON at byte {self._place()}: {seen}; expected: {wanted}")


class _Taken:
    """The bytes of one value, as long as they can be a row's."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self.size = 0
        self._parts: list[bytes] = []
        self._held = 0

    def add(self, data: bytes, start: int, end: int) -> None:
        """Takes a piece of the data."""
        self.size += end - start
        if self.keep and self.size <= MAX_LINE_BYTES + KEPT_OF_LONG_LINE:
            self._parts.append(data[start:end])

    def bytes(self) -> bytes:
        """What was kept."""
        return b"".join(self._parts)
