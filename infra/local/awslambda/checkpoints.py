"""Keeps how far each mapping has come, so that a restarted laptop runtime goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import msgspec

from infra.local.kinesis.log import replace_file

# Sequence numbers have 186 bits, more than a JSON number holds everywhere: they are kept as text.
Checkpoints = dict[str, dict[str, str]]


class CheckpointFile:
    """The checkpoints of all mappings, by a key that names function, stream and the stream's birth.

    Args:
        path: a JSON file, made when missing; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: Checkpoints = {}
        if path.exists():
            self._known = msgspec.json.decode(path.read_bytes(), type=Checkpoints)

    def get(self, key: str) -> dict[str, int] | None:
        """The positions by shard that were kept under a key."""
        kept = self._known.get(key)
        return None if kept is None else {shard_id: int(position) for shard_id, position in kept.items()}

    def keep(self, current: dict[str, dict[str, int]]) -> bool:
        """Writes these positions beside those of other keys; gives whether anything was new."""
        fresh = {key: {name: str(position) for name, position in shards.items()} for key, shards in current.items()}
        return self._write({**self._known, **fresh})

    def forget(self, key: str) -> bool:
        """Removes what was kept under a key; gives whether there was anything."""
        return self._write({kept: shards for kept, shards in self._known.items() if kept != key})

    def _write(self, fresh: Checkpoints) -> bool:
        if fresh == self._known:
            return False
        self._known = fresh
        replace_file(self.path, msgspec.json.format(msgspec.json.encode(fresh)))
        return True
