"""Small documents in memory that compare before they write."""

import threading

from producers.replay.runs import ChangedError


class MemoryStore:
    """A :class:`producers.replay.runs.Store`; versions are numbers."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[bytes, int]] = {}
        self.lock = threading.Lock()

    def read(self, name: str) -> tuple[bytes, str] | None:
        found = self.kept.get(name)
        return None if found is None else (found[0], str(found[1]))

    def write(self, name: str, data: bytes, version: str | None) -> str:
        with self.lock:
            found = self.kept.get(name)
            if (None if found is None else str(found[1])) != version:
                raise ChangedError(name)
            self.kept[name] = (data, (found[1] if found else 0) + 1)
            return str(self.kept[name][1])
