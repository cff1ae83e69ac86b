"""A folder as a source: its files by pattern, in the order of their names."""

import os
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from glue.readers.formats import Reading
from glue.readers.rows import SourceError
from glue.readers.sources import Source

_SHOWN = 3
_REJECTS = re.compile(r"\.rejects(-\d+)?\.jsonl\Z")


class Folder:
    """The files in a folder and below it. Hidden ones, and links to folders, are passed over.

    Args:
        path: the folder.
        pattern: which files, by their path in the folder, such as ``*.jsonl.gz`` or ``2026-*/chat-*``; ``*`` also
            stands for slashes. None: those whose names say what they hold.
        reading: what they hold and how they are read; with a form or a fallback every file counts.

    Raises:
        SourceError: there is no such folder, or no such file in it, or a file of which nothing says what it holds.
    """

    is_several = True

    def __init__(self, path: str, *, pattern: str | None = None, reading: Reading | None = None) -> None:
        self.path = path
        self._reading = reading or Reading()
        self.files, self.left_out = select(_files(path), pattern=pattern, reading=self._reading, where=path)

    @property
    def name(self) -> str:
        """The folder's name."""
        return Path(self.path).resolve().name or "folder"

    def parts(self) -> Iterator[Source]:
        """Each file; in ids it goes by its path in the folder, which for a file right in it is the file's name."""
        for file in self.files:
            path = str(Path(self.path) / file)
            with Source(path, reading=self._reading, name=file) as source:
                yield source

    def spool(self) -> None:
        """Nothing to do: files can be read twice."""

    def close(self) -> None:
        """Nothing to do: each part is closed when it has been read."""


def select(names: Iterable[str], *, pattern: str | None, reading: Reading, where: str) -> tuple[list[str], int]:
    """Those of the names that are wanted, sorted, and how many say nothing of what they hold.

    What an earlier run has rejected is not wanted unless a pattern says so.

    Raises:
        SourceError: there is none, or the pattern takes in one of which nothing says what it holds.
    """
    every = sorted(names)
    left_out = 0
    if pattern is not None:
        found = [name for name in every if fnmatchcase(name, pattern) or fnmatchcase(name.rpartition("/")[2], pattern)]
        unknown = [name for name in found if reading.form_of(name) is None]
        if unknown:
            raise SourceError(
                f"{where}: {_some(unknown)} match {pattern!r}, and the names do not say what they hold; say --format"
            )
    else:
        given = [name for name in every if _REJECTS.search(name) is None]
        found = [name for name in given if reading.form_of(name) is not None]
        left_out = len(given) - len(found)
    if not found:
        there = f"; there is {_some(every)}" if every else ""
        wanted = f"matches {pattern!r}" if pattern is not None else "has a name that says what it holds"
        raise SourceError(f"{where}: no file {wanted}{there}; say --pattern, or --format")
    return found, left_out


def _files(path: str) -> Iterator[str]:
    if not Path(path).is_dir():
        raise SourceError(f"{path}: no such folder")
    for folder, folders, files in os.walk(path):
        folders[:] = [one for one in folders if not one.startswith(".")]
        for file in files:
            full = Path(folder) / file
            if not file.startswith(".") and full.is_file():
                yield full.relative_to(path).as_posix()


def _some(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
