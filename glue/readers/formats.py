"""What a file holds, and how it is to be read: said by whoever asks, by its name, or by its first bytes."""

from pathlib import PurePath
from typing import Literal, get_args

from msgspec import Struct

from glue.readers.documents import is_document, items_path
from glue.readers.encoding import checked_encoding

Format = Literal["jsonl", "json", "csv", "tsv", "parquet", "sse", "chat"]
"""JSON lines, JSON documents, values apart by commas (or semicolons, bars, tabs), by tabs, Parquet, a server-sent
stream of JSON, a plain-text chat log."""
FORMATS: tuple[Format, ...] = get_args(Format)

SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".js": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
PACKED_SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zstd")
_DELIMITERS = {"comma": ",", "tab": "\t", "\\t": "\t", "semicolon": ";", "pipe": "|", "space": " "}


class Reading(Struct, frozen=True, kw_only=True):
    """How a source is read; what is not said is found out.

    Args:
        form: what it holds.
        fallback: what it holds when neither its name nor its first bytes say it.
        items: where the rows are in a JSON document, such as ``messages`` or ``data.children``.
        encoding: of the text; else UTF-8, or what a byte order mark says.
        delimiter: what stands between the cells of CSV: one character, or comma, tab, semicolon, pipe, space.
        leave_out: columns whose values nobody needs.

    Raises:
        ValueError: one of them cannot be; the text names the option.
    """

    form: Format | None = None
    fallback: Format | None = None
    items: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    leave_out: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        try:
            if self.items is not None:
                items_path(self.items)
        except ValueError as error:
            raise ValueError(f"--items {error}") from None
        try:
            if self.encoding is not None:
                checked_encoding(self.encoding)
        except ValueError as error:
            raise ValueError(f"--encoding {error}") from None
        if self.delimiter is not None and (len(self.separator or "") != 1 or self.separator in ('"', "\r", "\n", "\0")):
            raise ValueError(f"--delimiter {self.delimiter!r}; allowed: one character, or {', '.join(_DELIMITERS)}")

    @property
    def separator(self) -> str | None:
        """The delimiter as a character."""
        return None if self.delimiter is None else _DELIMITERS.get(self.delimiter, self.delimiter)

    @property
    def path(self) -> tuple[str, ...]:
        """The keys that lead to the items."""
        return items_path(self.items or "")

    def form_of(self, name: str) -> Format | None:
        """What a source of this name holds; None when nothing says it."""
        return self.form or form_of(name) or self.fallback or ("json" if self.items is not None else None)


def form_of(name: str) -> Format | None:
    """What a file of this name holds, None when the name does not say it.

    >>> form_of("a/posts.CSV.gz"), form_of("export.json.zst"), form_of("notes.txt")
    ('csv', 'jsonl', None)
    """
    path = PurePath(name)
    if path.suffix.lower() in PACKED_SUFFIXES:
        path = path.with_suffix("")
    return SUFFIXES.get(path.suffix.lower())


def form_by_content(head: bytes, *, fallback: Format | None) -> Format | None:
    """What data that begins with these bytes holds, where no name says it; None when it could be anything.

    Args:
        head: unpacked, in UTF-8.
        fallback: what is likely.
    """
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    # A chat log may begin with a bracket, too; where something else is likely, only an object means JSON.
    marks = (b"{",) if fallback is not None else (b"{", b"[", b'"')
    if not start or start.startswith(marks) or is_document(head):
        return "jsonl"
    return fallback
