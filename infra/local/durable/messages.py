"""SQS's messages over restarts: kept when they are sent, forgotten soon after they are deleted.

A queue delivers at least once. After a kill, messages are visible again, and one deleted in the last second may be
there once more.
"""

from typing import Any, Final

import msgspec

from infra.local.durable.store import Store
from infra.local.moto_backend import MotoBackend

_FIELDS: Final = (
    *("message_attributes", "system_attributes", "sender_id", "sent_timestamp"),
    *("deduplication_id", "group_id", "sequence_number", "delayed_until"),
)


class KeptMessages:
    """Keeps the messages of every queue.

    Args:
        store: of the runtime's folder.
        moto: whose SQS it is.
    """

    def __init__(self, store: Store, moto: MotoBackend) -> None:
        self._store = store
        self._moto = moto
        self._known: dict[str, set[str]] = {}

    def load(self) -> list[str]:
        """Brings back the messages whose queues exist, and keeps what is sent from then on."""
        from moto.sqs.models import Message

        queues = self._moto.backend("sqs").queues
        for name, key, document in self._store.rows("SELECT queue, id, document FROM messages ORDER BY rowid"):
            self._known.setdefault(name, set()).add(key)
            if name in queues:
                fields = msgspec.msgpack.decode(document)
                message = Message(key, fields.pop("body"))
                for field, value in fields.items():
                    setattr(message, field, value)
                queues[name]._messages.append(message)
        self._moto.watch_messages(self._sent)
        return []

    def sweep(self) -> None:
        """Forgets the messages that are in no queue any more."""
        for name, queue in list(self._moto.backend("sqs").queues.items()):
            known = self._known.setdefault(name, set())
            # In this order: a message is known only once it is in its queue.
            before = known.copy()
            for key in before.difference([message.id for message in list(queue._messages)]):
                known.discard(key)
                self._store.add("DELETE FROM messages WHERE queue = ? AND id = ?", (name, key))

    def _sent(self, queue: str, message: Any) -> None:
        self._known.setdefault(queue, set()).add(message.id)
        fields = {"body": message.body, **{field: getattr(message, field) for field in _FIELDS}}
        self._store.add(
            "INSERT OR REPLACE INTO messages VALUES (?, ?, ?)", (queue, message.id, msgspec.msgpack.encode(fields))
        )
