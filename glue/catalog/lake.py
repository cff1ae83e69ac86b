"""The project's only Parquet reader and writer.

Every file is written from an explicit schema, with timestamps as INT64 microseconds in UTC without a zone, and carries
the schema's fingerprint. A table that does not have that very schema is refused: a file is never a mixture.
"""

import hashlib
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import BinaryIO, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from glue.catalog.render.arrow import arrow_schema, arrow_type

__all__ = [
    "FINGERPRINT_KEY",
    "DriftError",
    "arrow_schema",
    "arrow_type",
    "fingerprint",
    "read_schema",
    "read_table",
    "write_table",
    "write_tables",
]

FINGERPRINT_KEY = "streamkeeper.schema_fingerprint"
"""Where the fingerprint is kept in a file's key-value metadata."""

ROW_GROUP_ROWS = 131_072
"""Rows in a row group: small enough that min/max statistics prune within a day, large enough to compress well."""

Compression = Literal["snappy", "zstd", "gzip", "none"]


class DriftError(ValueError):
    """A table or a file does not have the schema it was said to have."""


def fingerprint(schema: pa.Schema) -> str:
    """16 hexadecimal characters that name a schema by its columns' names, types and order.

    >>> fingerprint(arrow_schema([("a", "int")])) == fingerprint(arrow_schema([("a", "int")]))
    True
    >>> fingerprint(arrow_schema([("a", "int")])) == fingerprint(arrow_schema([("a", "bigint")]))
    False
    """
    text = "\n".join(_described(field) for field in schema)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _described(field: pa.Field) -> str:
    """One field in words: Arrow prints the same map type in two ways, so its own text will not do."""
    kind = field.type
    if pa.types.is_list(kind):
        inside = _described(kind.value_field.with_name("element"))
    elif pa.types.is_map(kind):
        inside = f"{_described(kind.key_field.with_name('key'))},{_described(kind.item_field.with_name('value'))}"
    elif pa.types.is_struct(kind):
        inside = ",".join(_described(kind.field(at)) for at in range(kind.num_fields))
    else:
        return f"{field.name}:{kind}:{field.nullable}"
    return f"{field.name}:{type(kind).__name__}<{inside}>:{field.nullable}"


def write_table(
    table: pa.Table,
    schema: pa.Schema,
    *,
    compression: Compression = "snappy",
    row_group_rows: int = ROW_GROUP_ROWS,
    sorted_by: Sequence[str] = (),
) -> bytes:
    """The bytes of one Parquet file.

    Args:
        table: the rows; its schema must be ``schema`` in names, types and order.
        schema: what the file must hold.
        compression: ``snappy`` as Firehose's default, ``zstd`` for files rewritten by compaction.
        row_group_rows: rows in one row group, at least 1.
        sorted_by: columns to sort the rows by first, so that row-group statistics prune.

    Raises:
        DriftError: when the table has another schema; the message says where.
        ValueError: for a column that may not be null and is.

    >>> schema = arrow_schema([("id", "string")])
    >>> read_table(write_table(pa.table({"id": ["a"]}, schema=schema), schema)).to_pylist()
    [{'id': 'a'}]
    """
    _refuse_drift(table.schema, schema)
    if sorted_by:
        table = table.sort_by([(name, "ascending") for name in sorted_by])
    return write_tables([table], schema, compression=compression, row_group_rows=row_group_rows)


def write_tables(
    tables: Iterable[pa.Table],
    schema: pa.Schema,
    *,
    compression: Compression = "snappy",
    row_group_rows: int = ROW_GROUP_ROWS,
) -> bytes:
    """What ``write_table`` gives for the rows of all these tables, with a row group and a table in memory at a time.

    Raises:
        DriftError: when a table has another schema; the message says where.
        ValueError: for a column that may not be null and is.

    >>> schema = arrow_schema([("id", "string")])
    >>> tables = [pa.table({"id": [name]}, schema=schema) for name in "abc"]
    >>> write_tables(tables, schema) == write_table(pa.concat_tables(tables), schema)
    True
    """
    # Arrow's own sink doubles each time it is full, and what it holds has to be copied once more in the end.
    sink = BytesIO()
    with pq.ParquetWriter(
        sink,
        schema,
        compression=compression,
        use_deprecated_int96_timestamps=False,
        version="2.6",
        write_statistics=True,
        store_schema=False,  # the Parquet types say it all, and other readers need not know Arrow
    ) as writer:
        held: pa.Table | None = None
        for table in tables:
            _refuse_drift(table.schema, schema)
            _refuse_nulls(table, schema)
            held = table if held is None else pa.concat_tables([held, table])
            while held.num_rows >= row_group_rows:
                writer.write_table(held.slice(0, row_group_rows), row_group_size=row_group_rows)
                held = held.slice(row_group_rows)
        if held is not None and held.num_rows:
            writer.write_table(held, row_group_size=row_group_rows)
        writer.add_key_value_metadata({FINGERPRINT_KEY: fingerprint(schema)})
    return sink.getvalue()


def _refuse_nulls(table: pa.Table, schema: pa.Schema) -> None:
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise ValueError(f"column {field.name!r} is required and has {table.column(field.name).null_count} nulls")


def read_schema(source: bytes | BinaryIO) -> pa.Schema:
    """The schema of a Parquet file, without reading its rows."""
    return pq.read_schema(_open(source)).remove_metadata()


def read_table(
    source: bytes | BinaryIO, *, columns: Sequence[str] | None = None, schema: pa.Schema | None = None
) -> pa.Table:
    """The rows of a Parquet file.

    Args:
        source: the file's bytes, or an open file.
        columns: the columns to read, all when left out.
        schema: what the file must hold; when left out, whatever it holds is read.

    Raises:
        DriftError: when the file has another schema than ``schema``, or one other than its own fingerprint says.
    """
    parquet = pq.ParquetFile(_open(source))
    found = parquet.schema_arrow
    marked = (parquet.metadata.metadata or {}).get(FINGERPRINT_KEY.encode())
    if marked is not None and marked.decode() != fingerprint(found):
        raise DriftError(f"the file says schema {marked.decode()} and holds {fingerprint(found)}: it was rewritten")
    if schema is not None:
        _refuse_drift(found, schema)
    return parquet.read(columns=None if columns is None else list(columns)).replace_schema_metadata(None)


def _refuse_drift(found: pa.Schema, wanted: pa.Schema) -> None:
    if found.equals(wanted, check_metadata=False):
        return
    if found.names != wanted.names:
        missing = [name for name in wanted.names if name not in found.names]
        extra = [name for name in found.names if name not in wanted.names]
        raise DriftError(f"columns differ: missing {missing}, not asked for {extra}, or in another order")
    differ = [
        f"{name}: {found.field(name).type}, not {wanted.field(name).type}"
        for name in wanted.names
        if not found.field(name).equals(wanted.field(name))
    ]
    raise DriftError(f"types differ: {'; '.join(differ)}")


def _open(source: bytes | BinaryIO) -> pa.NativeFile | BinaryIO:
    return pa.BufferReader(source) if isinstance(source, bytes) else source
