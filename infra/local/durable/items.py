"""DynamoDB's items over restarts: after a call that wrote, the items it named are kept as they are now."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from infra.local.durable.store import Store
from infra.local.dynamodb import read_insert
from infra.local.moto_backend import MotoBackend

_SINGLE: Final = frozenset({"PutItem", "UpdateItem", "DeleteItem"})
_STATEMENTS: Final = frozenset({"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"})
WRITES: Final = _SINGLE | _STATEMENTS | {"BatchWriteItem", "TransactWriteItems"}
"""The actions that change items."""

Attributes = Mapping[str, Any]


class KeptItems:
    """Keeps the items of every table.

    Args:
        store: of the runtime's folder.
        moto: whose DynamoDB it is.
    """

    def __init__(self, store: Store, moto: MotoBackend) -> None:
        self._store = store
        self._moto = moto

    def load(self) -> list[str]:
        """Brings back the items whose tables exist; gives a line for each that was left out."""
        tables = self._moto.backend("dynamodb").tables
        problems = []
        for name, key, item in self._store.rows("SELECT tbl, key, item FROM items"):
            if name in tables:
                try:
                    tables[name].put_item(msgspec.json.decode(item))
                except Exception as error:  # moto's own errors have no common parent
                    problems.append(f"the item {key[:200]} of table {name}: {type(error).__name__}")
        return problems

    def wrote(self, action: str, body: Attributes) -> None:
        """Keeps what a call that succeeded has written."""
        with self._moto.lock("dynamodb"):
            tables = self._moto.backend("dynamodb").tables
            written = list(_written(action, body))
            if action in _STATEMENTS and not written:
                # What a statement of PartiQL has changed is not to be seen in it.
                for name, table in tables.items():
                    self._whole(name, table)
            for name, attributes in written:
                table = tables.get(name.rpartition("/")[2])
                if table is not None:
                    self._one(table, attributes)

    def deleted(self, table: str) -> None:
        """Forgets the items of a table that is gone."""
        self._store.add("DELETE FROM items WHERE tbl = ?", (table.rpartition("/")[2],))

    def _one(self, table: Any, attributes: Attributes) -> None:
        from moto.dynamodb.models.dynamo_type import DynamoType

        names = [name for name in (table.hash_key_attr, table.range_key_attr) if name]
        key = {name: attributes[name] for name in names}
        held = table.items.get(DynamoType(key[names[0]]))
        if held is not None and len(names) == 2:
            held = held.get(DynamoType(key[names[1]]))
        if held:
            self._add(table.name, key, held)
        else:
            self._store.add("DELETE FROM items WHERE tbl = ? AND key = ?", (table.name, _text(key)))

    def _whole(self, name: str, table: Any) -> None:
        self._store.add("DELETE FROM items WHERE tbl = ?", (name,))
        for item in list(table.all_items()):
            attributes = item.to_json()["Attributes"]
            keys = {key: attributes[key] for key in (table.hash_key_attr, table.range_key_attr) if key}
            self._add(name, keys, item)

    def _add(self, name: str, key: Attributes, item: Any) -> None:
        from moto.dynamodb.models.utilities import dynamo_json_dump

        document = dynamo_json_dump(item.to_json()["Attributes"]).encode()
        self._store.add("INSERT OR REPLACE INTO items VALUES (?, ?, ?)", (name, _text(key), document))


def _written(action: str, body: Attributes) -> Iterator[tuple[str, Attributes]]:
    """Table and key, or whole item, of everything that a call writes."""
    if action in _SINGLE:
        yield str(body["TableName"]), body.get("Item") or body["Key"]
    elif action in _STATEMENTS:
        inserts = [read_insert(statement) for statement in body.get("Statements") or ()]
        if all(inserts):
            yield from (insert for insert in inserts if insert)
    elif action == "BatchWriteItem":
        for table, requests in body["RequestItems"].items():
            for request in requests:
                yield table, _item_or_key(request.values())
    else:
        for entry in body["TransactItems"]:
            for kind, request in entry.items():
                if kind != "ConditionCheck":
                    yield request["TableName"], _item_or_key([request])


def _item_or_key(requests: Iterable[Any]) -> Attributes:
    [request] = requests
    found: Attributes = request.get("Item") or request["Key"]
    return found


def _text(key: Attributes) -> str:
    return msgspec.json.encode(key, order="sorted").decode()
