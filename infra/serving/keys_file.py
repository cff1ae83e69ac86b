"""Keys in a file: who may ask and how often, with the keys' hashes only."""

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from consumers.scoring.keys import hashed
from consumers.scoring.ports import Client

SHORTEST = 16
"""Characters of a key that is brought along."""
MAX_KEYS = 4096
DEFAULT_PER_MINUTE = 60
_LOOK_EVERY = 1.0


class KeysError(ValueError):
    """Keys that cannot be used or changed so; the message says what was received, what is allowed, what to do."""


class StoredKey(Struct, frozen=True, forbid_unknown_fields=True):
    """One key, as it is kept.

    Args:
        name: whose it is.
        sha256: of the key. Keys are 256 random bits, so that no slower hash is needed.
        per_minute: texts a minute; 0: any number.
        number: its place in the table of quotas.
        created_at: RFC 3339, in UTC.
    """

    name: str
    sha256: str
    per_minute: int
    number: int
    created_at: str


class _Document(Struct, frozen=True, forbid_unknown_fields=True):
    version: int = 1
    keys: tuple[StoredKey, ...] = ()


class KeysFile:
    """The keys in a file. Changes by other processes are seen within a second.

    Args:
        path: the file; it need not be there yet.
        monotonic: seconds that only rise.
    """

    def __init__(self, path: Path, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._monotonic = monotonic
        self._looked = -_LOOK_EVERY
        self._stamp: tuple[int, int, int] | None = None
        self._clients: dict[str, Client] = {}

    def find(self, key: str, /) -> Client | None:
        """Whose key it is; None: nobody's. A file that cannot be read any more leaves those read last."""
        now = self._monotonic()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._refresh()
        return self._clients.get(hashed(key))

    def stored(self) -> tuple[StoredKey, ...]:
        """All keys, oldest first.

        Raises:
            KeysError: the file is not one of keys.
        """
        try:
            document = msgspec.json.decode(self._path.read_bytes(), type=_Document)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise KeysError(f"{self._path} cannot be read: {error.strerror}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise KeysError(f"{self._path} is no file of keys: {error}; give another --keys") from None
        return document.keys

    def add(self, name: str, *, per_minute: int, created_at: str, key: str | None = None) -> str:
        """A new key, which is shown here and never again.

        Args:
            name: whose it is.
            per_minute: texts a minute; 0: any number.
            created_at: RFC 3339, in UTC.
            key: one that clients have already; None: a new one.

        Raises:
            KeysError: the name or the key is taken, the key is too short, or the file cannot be written.
        """
        if key is not None and (len(key) < SHORTEST or not key.isprintable() or " " in key):
            raise KeysError(f"received a key of {len(key)} characters; allowed: {SHORTEST} or more, without blanks")
        made = key or f"sk_{secrets.token_urlsafe(32)}"
        with self._changing() as keys:
            if any(one.name == name for one in keys):
                raise KeysError(f"there is a key of {name!r} already; revoke it first, or give another name")
            if any(one.sha256 == hashed(made) for one in keys):
                raise KeysError("this key is somebody's already; give another one")
            free = sorted(set(range(MAX_KEYS)) - {one.number for one in keys})
            if not free:
                raise KeysError(f"there are {MAX_KEYS} keys, which is the most; revoke some")
            keys.append(StoredKey(name, hashed(made), per_minute, free[0], created_at))
        return made

    def revoke(self, name: str) -> None:
        """Takes a key back.

        Raises:
            KeysError: nobody is called so, or the file cannot be written.
        """
        with self._changing() as keys:
            left = [one for one in keys if one.name != name]
            if len(left) == len(keys):
                there = ", ".join(one.name for one in keys) or "none"
                raise KeysError(f"there is no key of {name!r}; there are: {there}")
            keys[:] = left

    @contextmanager
    def _changing(self) -> Iterator[list[StoredKey]]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise KeysError(f"{self._path} cannot be written: {error.strerror}; give another --keys") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = list(self.stored())
            yield keys
            self._write(keys)
        finally:
            os.close(lock)

    def _write(self, keys: list[StoredKey]) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        try:
            with open(os.open(beside, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(_Document(keys=tuple(keys))), indent=1))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError as error:
            raise KeysError(f"{self._path} cannot be written: {error.strerror}; give another --keys") from None

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_ino, found.st_size)
            if stamp == self._stamp:
                return
            self._clients = {one.sha256: Client(one.name, one.per_minute, one.number) for one in self.stored()}
            self._stamp = stamp
        except FileNotFoundError:
            self._clients, self._stamp = {}, None
        except (OSError, KeysError):
            return
