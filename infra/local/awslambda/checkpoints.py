"""Keeps how far each mapping has come, so that a restarted runtime goes on where it stopped."""

import msgspec

from infra.local.durable.store import Store

# Sequence numbers have 186 bits, more than MessagePack's integers: they are kept as text.
_Positions = dict[str, str]


class Checkpoints:
    """The checkpoints of all mappings, by a key that names function, stream and the stream's birth.

    Args:
        store: of the runtime's folder.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, _Positions] = {
            mapping: msgspec.msgpack.decode(positions, type=_Positions)
            for mapping, positions in store.rows("SELECT mapping, positions FROM checkpoints")
        }

    def get(self, key: str) -> dict[str, int] | None:
        """The positions by shard that were kept under a key."""
        kept = self._known.get(key)
        return None if kept is None else {shard_id: int(position) for shard_id, position in kept.items()}

    def keep(self, key: str, positions: dict[str, int]) -> None:
        """Keeps the positions of a key, when they are not those that are kept."""
        fresh = {shard_id: str(position) for shard_id, position in positions.items()}
        if fresh != self._known.get(key):
            self._known[key] = fresh
            self._store.add("INSERT OR REPLACE INTO checkpoints VALUES (?, ?)", (key, msgspec.msgpack.encode(fresh)))

    def forget(self, key: str) -> None:
        """Removes what was kept under a key."""
        if self._known.pop(key, None) is not None:
            self._store.add("DELETE FROM checkpoints WHERE mapping = ?", (key,))
