"""CREATE TABLE AS, INSERT and UNLOAD: a query's answer as objects, and the table over them."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pyarrow as pa

from glue.catalog import lake
from infra.local.athena.delimited import Delimited
from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.partitioning import folder
from infra.local.athena.plan import TableInfo
from infra.local.athena.rendering import text_of
from infra.local.athena.statements import Statement
from infra.local.athena.table_definitions import LAZY
from infra.local.athena.tables import require_parquet, split_location
from infra.local.athena.translation import Translated
from infra.local.athena.types import SqlType, common_type, from_glue, to_glue
from infra.local.errors import ApiError

_COMPRESSIONS: Final[dict[str, lake.Compression]] = {
    "SNAPPY": "snappy",
    "GZIP": "gzip",
    "ZSTD": "zstd",
    "NONE": "none",
}
_COMMON: Final = frozenset({"format", "field_delimiter", "partitioned_by"})
_CTAS: Final = _COMMON | {
    "external_location",
    "write_compression",
    "parquet_compression",
    "with_no_data",
    "table_type",
    "is_external",
}
_UNLOAD: Final = _COMMON | {"compression"}
_ENDINGS: Final = {"PARQUET": "parquet", "JSON": "json", "TEXTFILE": "csv"}
_INPUT: Final = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_OUTPUT: Final = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
_SERDE: Final = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How an answer is written.

    Args:
        format: PARQUET, JSON or TEXTFILE.
        compression: of its objects.
        delimiter: between the columns of TEXTFILE.
        partitions: the last columns, which are no part of the objects.
        line: a row of TEXTFILE as the table's SerDe reads it; None for UNLOAD's.
    """

    format: str = "PARQUET"
    compression: lake.Compression = "snappy"
    delimiter: str = ","
    partitions: tuple[str, ...] = ()
    line: Callable[[Sequence[Any]], str] | None = None


def insertion_form(table: dict[str, Any]) -> Form:
    """How INSERT INTO writes into a table.

    Raises:
        QueryError: NOT_SUPPORTED names the table's format.
    """
    partitions = tuple(str(key["Name"]).lower() for key in table.get("PartitionKeys") or ())
    storage = table.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    if str(serde.get("SerializationLibrary") or "") != LAZY:
        require_parquet(table)
        return Form(partitions=partitions)
    kinds = [from_glue(str(column.get("Type") or "string")) for column in storage.get("Columns") or ()]
    given = {key: value for key, value in (serde.get("Parameters") or {}).items() if key != "serialization.format"}
    text = Delimited(kinds, given)
    if given:
        raise refused(f"{sorted(given)[0]} of the text table {table.get('Name')}")
    return Form(format="TEXTFILE", compression="gzip", partitions=partitions, line=text.line)


def check_properties(statement: Statement) -> Form:
    """How CREATE TABLE AS or UNLOAD asks that its answer is written.

    Raises:
        QueryError: NOT_SUPPORTED names the property or its value.
    """
    given = statement.properties
    known = _CTAS if statement.action == "CREATE TABLE AS" else _UNLOAD
    for name in given:
        if name not in known:
            raise refused(f"the property {name} of {statement.action}", advice=f"it takes {', '.join(sorted(known))}")
    if (kind := str(given.get("table_type", "HIVE")).upper()) != "HIVE":
        raise refused(f"the table_type {kind}", advice="it takes HIVE")
    if str(given.get("is_external", True)).lower() != "true":
        raise refused("is_external = false", advice="tables of the type HIVE are external")
    form = str(given.get("format", "PARQUET")).upper()
    formats = ["PARQUET", *(["JSON", "TEXTFILE"] if statement.action == "UNLOAD" else [])]
    if form not in formats:
        raise refused(f"{statement.action} in format {form}", advice=f"it takes {', '.join(formats)}")
    wanted = {str(given[name]).upper() for name in known if "compression" in name and name in given}
    name = wanted.pop() if wanted else "SNAPPY" if form == "PARQUET" else "GZIP"
    if name not in _COMPRESSIONS or (form != "PARQUET" and name not in {"GZIP", "NONE"}):
        raise refused(f"the compression {name}", advice=f"it takes {', '.join(_COMPRESSIONS)}")
    parts = given.get("partitioned_by") or []
    return Form(
        format=form,
        compression=_COMPRESSIONS[name],
        delimiter=str(given.get("field_delimiter") or ","),
        partitions=tuple(str(part).lower() for part in (parts if isinstance(parts, list) else [parts])),
    )


def check_columns(query: Translated, form: Form) -> list[str]:
    """The names of the columns to write.

    Raises:
        QueryError: one has none or another's, or the partitions are not the last columns.
    """
    for column in query.columns:
        if column.name is None:
            raise QueryError("MISSING_COLUMN_NAME", f"column {column.shown} has no name; give it one with AS")
    names = [column.name or "" for column in query.columns]
    if len(set(names)) != len(names):
        raise QueryError("DUPLICATE_COLUMN_NAME", "two columns have one name; give each its own with AS")
    count = len(form.partitions)
    if count and (names[-count:] != list(form.partitions) or count == len(names)):
        raise QueryError(
            "HIVE_COLUMN_ORDER_MISMATCH",
            "Partition keys must be the last columns in the table and in the same order as the table properties: "
            f"[{', '.join(form.partitions)}]",
        )
    return names


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """An object of an answer: its S3 path and how many rows it holds."""

    path: str
    rows: int


def write_answer(
    engine: QueryEngine,
    query: Translated,
    running: Running,
    *,
    location: str,
    name: str,
    form: Form,
    now: float,
) -> dict[tuple[str, ...], Written]:
    """Writes the answer under a location: one object, or one for each partition; gives them by its values.

    Raises:
        QueryError: what fails in the query.
    """
    bucket, prefix = split_location(location)
    names = check_columns(query, form)
    count = len(names) - len(form.partitions)
    kinds = [column.type for column in query.columns]
    schema = lake.arrow_schema([(name, to_glue(kind)) for name, kind in zip(names, kinds, strict=True)])
    found = engine.table(query, running, now=now)
    if not found.num_rows:
        return {}
    table = pa.table([found.column(i).cast(field.type) for i, field in enumerate(schema)], schema=schema)
    written: dict[tuple[str, ...], Written] = {}
    for values, rows in _by_partition(table, kinds, count).items():
        part = table.take(pa.array(rows)).select(range(count)) if form.partitions else table
        body, ending = _body(part, kinds[:count], form)
        key = f"{prefix}{folder(list(form.partitions), list(values))}{name}.{ending}"
        engine.objects.put(bucket, key, body, content_type="application/octet-stream")
        written[values] = Written(path=f"s3://{bucket}/{key}", rows=len(rows))
    return written


def require_empty(engine: QueryEngine, location: str) -> None:
    """Nothing, when no object lies under a location.

    Raises:
        QueryError: HIVE_PATH_ALREADY_EXISTS.
    """
    bucket, prefix = split_location(location)
    if engine.objects.list(bucket, prefix):
        raise QueryError("HIVE_PATH_ALREADY_EXISTS", f"Target directory for table already exists: {location}")


def _by_partition(table: Any, kinds: list[SqlType], count: int) -> dict[tuple[str, ...], list[int]]:
    """The rows of each partition; a table without partition columns is one."""
    if count == len(kinds):
        return {(): list(range(table.num_rows))}
    columns = [table.column(index).to_pylist() for index in range(count, len(kinds))]
    found: dict[tuple[str, ...], list[int]] = {}
    for row, values in enumerate(zip(*columns, strict=True)):
        texts = [text_of(value, kind) for value, kind in zip(values, kinds[count:], strict=True)]
        key = tuple("__HIVE_DEFAULT_PARTITION__" if text is None else text for text in texts)
        found.setdefault(key, []).append(row)
    return found


def _body(table: Any, kinds: list[SqlType], form: Form) -> tuple[bytes, str]:
    if form.format == "PARQUET":
        return lake.write_table(table, table.schema, compression=form.compression), "parquet"
    if form.format == "JSON":
        lines = [json.dumps(row, default=_shown, ensure_ascii=False) for row in table.to_pylist()]
    else:
        lines = (
            [form.line([*row.values()]) for row in table.to_pylist()]
            if form.line
            else [
                form.delimiter.join(
                    r"\N" if value is None else text_of(value, kind) or ""
                    for value, kind in zip(row.values(), kinds, strict=True)
                )
                for row in table.to_pylist()
            ]
        )
    body = "".join(f"{line}\n" for line in lines).encode()
    if form.compression == "none":
        return body, _ENDINGS[form.format]
    return gzip.compress(body, mtime=0), "gz" if form.line else f"{_ENDINGS[form.format]}.gz"


def _shown(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="milliseconds")
    if isinstance(value, bytes):
        return value.hex()
    return str(value)


def table_input(name: str, query: Translated, location: str, partitions: Sequence[str] = ()) -> dict[str, Any]:
    """The Glue table over what CREATE TABLE AS wrote."""
    columns = [{"Name": column.name, "Type": to_glue(column.type)} for column in query.columns]
    count = len(columns) - len(partitions)
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "has_encrypted_data": "false", "parquet.compression": "SNAPPY"},
        "PartitionKeys": columns[count:],
        "StorageDescriptor": {
            "Columns": columns[:count],
            "Location": location,
            "InputFormat": _INPUT,
            "OutputFormat": _OUTPUT,
            "SerdeInfo": {"SerializationLibrary": _SERDE, "Parameters": {"serialization.format": "1"}},
        },
    }


def already_there(engine: QueryEngine, database: str, name: str) -> bool:
    """Whether a table of that name is in the catalog."""
    try:
        engine.catalog.get_table(database, name)
    except ApiError:
        return False
    return True


def insertion(statement: Statement, table: TableInfo, query: Translated) -> str:
    """The query of INSERT INTO with a column for each of the table's, cast to its type.

    Raises:
        QueryError: MISMATCHED_COLUMN_COUNT, COLUMN_NOT_FOUND, TYPE_MISMATCH.
    """
    kinds = dict((*table.columns, *table.partitions))
    given = list(statement.values) or list(kinds)
    for name in given:
        if name not in kinds:
            raise QueryError("COLUMN_NOT_FOUND", f"line 1:1: Insert column name does not exist in target table: {name}")
    if len(given) != len(query.columns):
        raise QueryError(
            "TYPE_MISMATCH",
            f"line 1:1: Insert query has {len(query.columns)} expression(s) but expected {len(given)} target column(s)",
        )
    for name, column in zip(given, query.columns, strict=True):
        met = common_type(column.type, kinds[name])
        if met is None or met.kind != kinds[name].kind:
            raise QueryError(
                "TYPE_MISMATCH", f"line 1:1: Insert query has mismatched column types: {name} is {kinds[name].text}, "
                f"the query gives {column.type.text}"
            )  # fmt: skip
    items = [
        f'CAST({f"q.c{given.index(name)}" if name in given else "NULL"} AS {kind.text}) AS "{name}"'
        for name, kind in kinds.items()
    ]
    listed = ", ".join(f"c{index}" for index in range(len(given)))
    return f"SELECT {', '.join(items)} FROM ({statement.query}) AS q({listed})"
