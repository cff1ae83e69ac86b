"""CREATE TABLE AS and UNLOAD: a query's answer as Parquet objects, and the table over them."""

from typing import Any, Final

import pyarrow as pa

from glue.catalog import lake
from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.statements import Statement
from infra.local.athena.tables import split_location
from infra.local.athena.translation import Translated
from infra.local.athena.types import to_glue
from infra.local.errors import ApiError

_COMPRESSIONS: Final[dict[str, lake.Compression]] = {
    "SNAPPY": "snappy",
    "GZIP": "gzip",
    "ZSTD": "zstd",
    "NONE": "none",
}
_CTAS: Final = frozenset({"format", "external_location", "write_compression", "parquet_compression", "with_no_data"})
_UNLOAD: Final = frozenset({"format", "compression"})
_SERDE: Final = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
_INPUT: Final = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_OUTPUT: Final = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"


def check_properties(statement: Statement) -> lake.Compression:
    """The compression that CREATE TABLE AS or UNLOAD asks for.

    Raises:
        QueryError: NOT_SUPPORTED names the property or its value.
    """
    known = _CTAS if statement.action == "CREATE TABLE AS" else _UNLOAD
    for name in statement.properties:
        if name not in known:
            raise refused(f"the property {name} of {statement.action}", advice=f"it takes {', '.join(sorted(known))}")
    form = str(statement.properties.get("format", "PARQUET")).upper()
    if form != "PARQUET":
        raise refused(f"{statement.action} in format {form}", advice="write format = 'PARQUET'")
    wanted = {str(statement.properties[name]).upper() for name in known if "compression" in name and name in
              statement.properties}  # fmt: skip
    name = wanted.pop() if wanted else "SNAPPY"
    if name not in _COMPRESSIONS:
        raise refused(f"the compression {name}", advice=f"it takes {', '.join(_COMPRESSIONS)}")
    return _COMPRESSIONS[name]


def write_parquet(
    engine: QueryEngine,
    query: Translated,
    running: Running,
    *,
    location: str,
    name: str,
    compression: lake.Compression,
    now: float,
) -> list[str]:
    """Writes the answer as one object under a location, which has to be empty, and gives back its S3 path.

    Raises:
        QueryError: HIVE_PATH_ALREADY_EXISTS; what fails in the query.
    """
    bucket, prefix = split_location(location)
    for column in query.columns:
        if column.name is None:
            raise QueryError("MISSING_COLUMN_NAME", f"column {column.shown} has no name; give it one with AS")
    names = [column.name or "" for column in query.columns]
    if len(set(names)) != len(names):
        raise QueryError("DUPLICATE_COLUMN_NAME", "two columns have one name; give each its own with AS")
    if engine.objects.list(bucket, prefix):
        raise QueryError("HIVE_PATH_ALREADY_EXISTS", f"Target directory for table already exists: {location}")
    schema = lake.arrow_schema([(name, to_glue(c.type)) for name, c in zip(names, query.columns, strict=True)])
    found = engine.table(query, running, now=now)
    if not found.num_rows:
        return []
    columns = [found.column(index).cast(field.type) for index, field in enumerate(schema)]
    body = lake.write_table(pa.table(columns, schema=schema), schema, compression=compression)
    key = f"{prefix}{name}.parquet"
    engine.objects.put(bucket, key, body, content_type="application/octet-stream")
    return [f"s3://{bucket}/{key}"]


def table_input(name: str, query: Translated, location: str) -> dict[str, Any]:
    """The Glue table over what CREATE TABLE AS wrote."""
    return {
        "Name": name,
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", "has_encrypted_data": "false", "parquet.compression": "SNAPPY"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": column.name, "Type": to_glue(column.type)} for column in query.columns],
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
