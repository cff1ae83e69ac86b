"""Changes of the runtime's state, written in the order in which they happened, many at a time.

Whoever changes something hands the change over (``add``) and goes on; before a caller is answered, ``settle`` waits
until everything handed over so far is written. The one who waits first writes for all: a group commit. What is in the
store after a kill at any point is therefore what was true at some moment, and nothing that was answered is missing.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

_FILE: Final = "runtime.sqlite"
_FORMAT: Final = 1
_SYNC_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.25

_SCHEMA: Final = """
CREATE TABLE streams (name TEXT PRIMARY KEY, document BLOB NOT NULL);
CREATE TABLE records (id INTEGER PRIMARY KEY, stream TEXT NOT NULL, shard TEXT NOT NULL, newest REAL NOT NULL,
                      entries BLOB NOT NULL);
CREATE INDEX records_by_age ON records (stream, newest);
CREATE TABLE checkpoints (mapping TEXT PRIMARY KEY, positions BLOB NOT NULL);
CREATE TABLE buffers (id INTEGER PRIMARY KEY, stream TEXT NOT NULL, newest REAL NOT NULL, entries BLOB NOT NULL);
CREATE INDEX buffers_by_age ON buffers (stream, newest);
CREATE TABLE positions (stream TEXT PRIMARY KEY, positions BLOB NOT NULL);
CREATE TABLE objects (bucket TEXT NOT NULL, key TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (bucket, key));
CREATE TABLE items (tbl TEXT NOT NULL, key TEXT NOT NULL, item BLOB NOT NULL, PRIMARY KEY (tbl, key));
CREATE TABLE messages (queue TEXT NOT NULL, id TEXT NOT NULL, document BLOB NOT NULL, PRIMARY KEY (queue, id));
CREATE TABLE requests (id INTEGER PRIMARY KEY, subject TEXT NOT NULL, action TEXT NOT NULL, request BLOB NOT NULL);
CREATE INDEX requests_by_subject ON requests (subject);
"""

Action = Callable[[], None]


class StoreError(Exception):
    """The store cannot be read or written; the message says which file, and what to do."""


class Change:
    """One change: a statement, what is to be done before it is written, and what once it is."""

    __slots__ = ("after", "before", "sql", "values")

    def __init__(
        self, sql: str, values: Sequence[Any], before: Action | None = None, after: Action | None = None
    ) -> None:
        self.sql = sql
        self.values = values
        self.before = before
        self.after = after


class Store:
    """A SQLite file in write-ahead mode, written by whoever waits first.

    A commit is in the operating system's hands when ``settle`` returns, so it survives the process; every second the
    disk is made to have it too, so a power cut loses at most that second and leaves a whole, older state.

    Args:
        folder: an existing folder of one owner.

    Raises:
        StoreError: the file is not such a store, or of a newer version.

    Example::

        store = Store(folder)
        store.add("INSERT INTO items VALUES (?, ?, ?)", ("t", "k", b"{}"))
        store.settle()
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / _FILE
        if self.path.is_symlink():
            raise StoreError(f"{self.path} is a symbolic link; move it away")
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                self._connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {_FORMAT}; COMMIT;")
        except sqlite3.OperationalError as error:
            # The disk, and not what the file holds: that is a DatabaseError.
            raise StoreError(
                f"{self.path} cannot be written ({error}); make room on its disk, or name another folder"
            ) from error
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} is not a store of this runtime ({error}); move the folder away") from error
        if version > _FORMAT:
            raise StoreError(f"{self.path} was written by a newer version; update, or move the folder away")
        self._pending: list[Change] = []
        self._added = self._written = 0
        self._lock = threading.Lock()
        self._done = threading.Condition(self._lock)
        self._writing = False
        self._failure: StoreError | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def failure(self) -> str | None:
        """Why nothing can be written any more, and what to do; None while all is well."""
        with self._lock:
            return None if self._failure is None else str(self._failure)

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What is written; for the start, before anything is added.

        Raises:
            StoreError: the file is damaged.
        """
        return list(self.each(sql, values))

    def each(self, sql: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """What is written, row by row: of what need not be in memory at once.

        Raises:
            StoreError: the file is damaged.
        """
        try:
            yield from self._connection.execute(sql, values)
        except sqlite3.Error as error:
            raise StoreError(f"{self.path} is damaged ({error}); move the folder away") from error

    def add(
        self, sql: str, values: Sequence[Any], *, before: Action | None = None, after: Action | None = None
    ) -> None:
        """Hands a change over; it is written after all that were handed over before it.

        Args:
            before: done just before the change is written, by the thread that writes; an OSError ends the store.
            after: done once it is written.
        """
        with self._lock:
            if self._failure is None:
                self._pending.append(Change(sql, values, before, after))
                self._added += 1

    def settle(self) -> None:
        """Returns when all that was handed over so far is written.

        Raises:
            StoreError: it could not be written, now or earlier: the disk is full, for instance.
        """
        with self._lock:
            wanted = self._added
            while self._written < wanted and self._failure is None:
                if self._writing:
                    self._done.wait()
                    continue
                changes, self._pending = self._pending, []
                self._writing = True
                self._lock.release()
                failure: StoreError | None = None
                try:
                    self._write(changes)
                except (OSError, sqlite3.Error) as error:
                    failure = StoreError(
                        f"{self.folder} takes no more ({error}); nothing is accepted now: make room, start again"
                    )
                finally:
                    self._lock.acquire()
                    self._writing = False
                    self._written += len(changes)
                    self._failure = self._failure or failure
                    self._done.notify_all()
            if self._failure is not None:
                raise self._failure

    def start(self) -> None:
        """Writes, from a thread of its own, also what nobody waits for."""
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Writes what is left and closes the file. Calling it twice is fine."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        with contextlib.suppress(StoreError):
            self.settle()
        self._connection.close()

    def _write(self, changes: list[Change]) -> None:
        for change in changes:
            if change.before is not None:
                change.before()
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            for change in changes:
                run(change.sql, change.values)
            run("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                run("ROLLBACK")
            raise
        for change in changes:
            if change.after is not None:
                change.after()

    def _run(self) -> None:
        ticks = 0
        synced = 0
        while not self._stopping.wait(_TICK_SECONDS):
            with contextlib.suppress(StoreError):
                self.settle()
            ticks += 1
            if ticks * _TICK_SECONDS >= _SYNC_SECONDS and self._written != synced:
                ticks, synced = 0, self._written
                self._sync()

    def _sync(self) -> None:
        with contextlib.suppress(OSError):
            sync_file(self.path.with_name(f"{_FILE}-wal"))


def sync_file(path: Path) -> None:
    """Makes the disk have a file's bytes, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
