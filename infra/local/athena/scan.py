"""One reading of a table as a DuckDB view over its objects, with Athena's rules for files of several schemas."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Final

import pyarrow as pa

from glue.catalog import lake
from infra.local.athena.casts import fresh, rounded
from infra.local.athena.errors import QueryError
from infra.local.athena.files import ObjectFile, ObjectFiles
from infra.local.athena.plan import Scan
from infra.local.athena.session import Session
from infra.local.athena.tables import Partition
from infra.local.athena.types import SqlType
from infra.local.athena.values import quote

_KEPT_SCHEMAS: Final = 20_000


class Schemas:
    """The schemas of objects, each read once for as long as the object stays as it is."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str, str, int], Any] = OrderedDict()
        self._lock = Lock()

    def of(self, file: ObjectFile, files: ObjectFiles) -> Any:
        """The Arrow schema of an object.

        Raises:
            QueryError: HIVE_CURSOR_ERROR when it is no Parquet file.
        """
        key = (file.bucket, file.key, file.etag, file.size)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        try:
            schema = lake.read_schema(pa.PythonFile(files.reader(file), mode="r"))
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error.__cause__, QueryError):
                raise error.__cause__ from error
            raise QueryError("HIVE_CURSOR_ERROR", f"Failed to read Parquet file: {file.path}") from error
        with self._lock:
            self._known[key] = schema
            if len(self._known) > _KEPT_SCHEMAS:
                self._known.popitem(last=False)
        return schema


def make_view(
    scan: Scan,
    partitions: Sequence[Partition],
    found: Sequence[tuple[int, ObjectFile]],
    files: ObjectFiles,
    schemas: Schemas,
    session: Session,
) -> None:
    """Makes the scan's relation in the session.

    Args:
        partitions: the needed ones.
        found: the objects, each with its partition's number.

    Raises:
        QueryError: an object is no Parquet file.
    """
    groups: dict[str, tuple[Any, list[tuple[int, str]]]] = {}
    for number, (_, file) in enumerate(found):
        schema = schemas.of(file, files)
        group = groups.setdefault(str(schema), (schema, []))
        group[1].append((number, files.add(file, number)))
    selects = [_group(scan, schema, members, partitions, found) for schema, members in groups.values()]
    if not selects:
        kinds = [kind for _, kind in (*scan.table.columns, *scan.table.partitions)]
        empty = [f"CAST(NULL AS {kind.duckdb}) AS c{index}" for index, kind in enumerate(kinds)]
        selects = [f"SELECT {', '.join([*empty, 'CAST(NULL AS VARCHAR) AS path'])} WHERE FALSE"]
    session.run(f"CREATE OR REPLACE TEMP VIEW {scan.relation} AS {' UNION ALL '.join(selects)}")


def _group(
    scan: Scan,
    schema: Any,
    members: list[tuple[int, str]],
    partitions: Sequence[Partition],
    found: Sequence[tuple[int, ObjectFile]],
) -> str:
    known = {name.lower(): (name, kind) for name, kind in zip(schema.names, schema.types, strict=True)}
    sample = found[members[0][0]][1]
    items = []
    for index, (name, kind) in enumerate(scan.table.columns):
        if name not in known:
            items.append(f"CAST(NULL AS {kind.duckdb}) AS c{index}")
            continue
        stored, arrow = known[name]
        expression = _converted(_identifier(stored), arrow, kind)
        if expression is None:
            # Only a query that asks for the column may fail, so the failure hangs on each row of it.
            message = (
                f"HIVE_BAD_DATA: Field {name}'s type {_parquet_name(arrow)} in parquet file {sample.path} is "
                f"incompatible with type {kind.text} defined in table schema"
            )
            expression = f"CAST(sk_bad_data({quote(message)}, __f) AS {kind.duckdb})"
        items.append(f"{expression} AS c{index}")
    first = len(scan.table.columns)
    for position, (_, kind) in enumerate(scan.table.partitions):
        values = [partitions[part].values[position] for part, _ in found]
        items.append(f"{looked_up(values, kind)} AS c{first + position}")
    items.append(f"{looked_up([file.path for _, file in found], None)} AS path")
    listed = ", ".join(quote(path) for _, path in members)
    source = f"read_parquet([{listed}], hive_partitioning = true, hive_types = {{'__f': BIGINT}})"
    where = [text for bound in scan.bounds if (text := _raw_bound(scan, known, bound.column, bound.op, bound.sql))]
    tail = f" WHERE {' AND '.join(where)}" if where else ""
    return f"SELECT {', '.join(items)} FROM {source}{tail}"


def looked_up(values: Sequence[str | None], kind: SqlType | None) -> str:
    """The value of an object's partition: a list with a place for each object."""
    if values and len(set(values)) == 1:
        text = "NULL" if values[0] is None else quote(values[0])
    else:
        listed = ", ".join("NULL" if value is None else quote(value) for value in values)
        text = f"list_extract([{listed}], __f + 1)"
    return f"CAST({text} AS {'VARCHAR' if kind is None else kind.duckdb})"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _raw_bound(scan: Scan, known: dict[str, Any], column: str, op: str, sql: tuple[str, ...]) -> str:
    """A wider condition on a stored timestamp, so that row groups can be left out before it is rounded."""
    kinds = dict(scan.table.columns)
    if column not in kinds or kinds[column].kind != "timestamp" or column not in known or op == "in":
        return ""
    stored, arrow = known[column]
    if not pa.types.is_timestamp(arrow) or arrow.tz is not None:
        return ""
    name = _identifier(stored)
    low = f"{name} >= {sql[0]} - to_milliseconds(1)"
    high = f"{name} <= {sql[0]} + to_milliseconds(1)"
    return {">": low, ">=": low, "<": high, "<=": high, "=": f"{low} AND {high}"}[op]


_SIZES: Final = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64}


def _converted(sql: str, arrow: Any, kind: SqlType) -> str | None:
    """The stored value as the table's type, or None when Athena does not read it as that."""
    handler = _READERS.get(kind.kind)
    return handler(sql, arrow, kind) if handler is not None else None


def _integer(sql: str, arrow: Any, kind: SqlType) -> str | None:
    if not pa.types.is_integer(arrow) or arrow.bit_width > max(32, _SIZES[kind.kind]):
        return None
    exact = pa.types.is_signed_integer(arrow) and arrow.bit_width == _SIZES[kind.kind]
    return sql if exact else f"CAST({sql} AS {kind.duckdb})"


def _real(sql: str, arrow: Any, kind: SqlType) -> str | None:
    if pa.types.is_float32(arrow):
        return sql if kind.kind == "real" else f"CAST({sql} AS DOUBLE)"
    return sql if pa.types.is_float64(arrow) and kind.kind == "double" else None


def _text(sql: str, arrow: Any, kind: SqlType) -> str | None:
    if pa.types.is_dictionary(arrow):
        arrow = arrow.value_type
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return sql if kind.precision is None else f"substr({sql}, 1, {kind.precision})"
    return f"decode({sql})" if pa.types.is_binary(arrow) else None


def _timestamp(sql: str, arrow: Any, kind: SqlType) -> str | None:
    if not pa.types.is_timestamp(arrow):
        return None
    plain = f"timezone('UTC', {sql})" if arrow.tz is not None else sql
    if arrow.unit == "ns":
        plain = f"CAST({plain} AS TIMESTAMP)"
    return plain if arrow.unit in {"s", "ms"} else rounded(plain, kind.precision)


def _decimal(sql: str, arrow: Any, kind: SqlType) -> str | None:
    if not pa.types.is_decimal(arrow) or arrow.scale != kind.scale or arrow.precision > (kind.precision or 0):
        return None
    return f"CAST({sql} AS {kind.duckdb})"


def _list(sql: str, arrow: Any, kind: SqlType) -> str | None:
    if not (pa.types.is_list(arrow) or pa.types.is_large_list(arrow)):
        return None
    name = fresh("e")
    item = _converted(name, arrow.value_type, kind.items[0])
    if item is None or item == name:
        return None if item is None else sql
    return f"list_transform({sql}, lambda {name}: {item})"


def _map(sql: str, arrow: Any, kind: SqlType) -> str | None:
    if not pa.types.is_map(arrow):
        return None
    names = fresh("e"), fresh("e")
    key = _converted(names[0], arrow.key_type, kind.items[0])
    value = _converted(names[1], arrow.item_type, kind.items[1])
    if key is None or value is None:
        return None
    if (key, value) == names:
        return sql
    keys = f"list_transform(map_keys({sql}), lambda {names[0]}: {key})"
    values = f"list_transform(map_values({sql}), lambda {names[1]}: {value})"
    return f"(CASE WHEN {sql} IS NOT NULL THEN map({keys}, {values}) END)"


def _struct(sql: str, arrow: Any, kind: SqlType) -> str | None:
    if not pa.types.is_struct(arrow):
        return None
    stored = {arrow.field(index).name.lower(): arrow.field(index) for index in range(arrow.num_fields)}
    fields = []
    for index, (name, item) in enumerate(zip(kind.names, kind.items, strict=True)):
        field = stored.get(name or "")
        value: str | None = f"CAST(NULL AS {item.duckdb})"
        if field is not None:
            value = _converted(f"({sql}).{_identifier(field.name)}", field.type, item)
        if value is None:
            return None
        fields.append(f"f{index} := {value}")
    return f"(CASE WHEN {sql} IS NOT NULL THEN struct_pack({', '.join(fields)}) END)"


_READERS: Final[dict[str, Callable[[str, Any, SqlType], str | None]]] = {
    "boolean": lambda sql, arrow, _: sql if pa.types.is_boolean(arrow) else None,
    "date": lambda sql, arrow, _: sql if pa.types.is_date(arrow) else None,
    "varbinary": lambda sql, arrow, _: sql if pa.types.is_binary(arrow) else None,
    "varchar": _text,
    "timestamp": _timestamp,
    "decimal": _decimal,
    "array": _list,
    "map": _map,
    "row": _struct,
    **dict.fromkeys(_SIZES, _integer),
    **dict.fromkeys(("real", "double"), _real),
}


def _parquet_name(arrow: Any) -> str:
    names = {"int64": "INT64", "int32": "INT32", "double": "DOUBLE", "float": "FLOAT", "bool": "BOOLEAN",
             "string": "BINARY", "large_string": "BINARY", "date32[day]": "INT32"}  # fmt: skip
    return names.get(str(arrow), str(arrow).split("[")[0].upper())
