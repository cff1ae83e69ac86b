"""The types that a CAST names."""

from dataclasses import replace
from typing import Final

from sqlglot import exp

from infra.local.athena.errors import refused
from infra.local.athena.types import (
    BIGINT,
    BOOLEAN,
    DATE,
    DOUBLE,
    INTEGER,
    JSON,
    REAL,
    TIMESTAMP,
    VARBINARY,
    VARCHAR,
    SqlType,
    array,
    decimal,
    mapping,
    row,
    zoned,
)

_NAMED_TYPES: Final = {
    "BOOLEAN": BOOLEAN,
    "TINYINT": SqlType(kind="tinyint"),
    "SMALLINT": SqlType(kind="smallint"),
    "INT": INTEGER,
    "BIGINT": BIGINT,
    "FLOAT": REAL,
    "DOUBLE": DOUBLE,
    "VARBINARY": VARBINARY,
    "DATE": DATE,
    "JSON": JSON,
    "UUID": SqlType(kind="uuid"),
}


def type_of(node: exp.Expression) -> SqlType:
    """The Trino type that a type in a CAST names.

    Raises:
        QueryError: NOT_SUPPORTED for a type that is not translated.
    """
    kind = getattr(node.this, "name", "")
    numbers = [int(part.this.name) for part in node.expressions if isinstance(part, exp.DataTypeParam)]
    if kind in _NAMED_TYPES:
        return _NAMED_TYPES[kind]
    if kind == "VARCHAR":
        return replace(VARCHAR, precision=numbers[0]) if numbers else VARCHAR
    if kind == "DECIMAL":
        return decimal(*[*numbers, 0][:2]) if numbers else decimal(38, 0)
    if kind in {"TIMESTAMP", "TIMESTAMPTZ"}:
        precision = numbers[0] if numbers else 3
        if precision > 6:
            raise refused(f"timestamp({precision})", advice="use timestamp(3) or timestamp(6)")
        return zoned(None, precision) if kind == "TIMESTAMPTZ" else replace(TIMESTAMP, precision=precision)
    if kind == "ARRAY":
        return array(type_of(node.expressions[0]))
    if kind == "MAP":
        return mapping(type_of(node.expressions[0]), type_of(node.expressions[1]))
    if kind == "STRUCT":
        names = tuple(p.name.lower() if isinstance(p, exp.ColumnDef) else None for p in node.expressions)
        return row(tuple(type_of(getattr(p, "kind", p) or p) for p in node.expressions), names)
    raise refused(f"the type {node.sql(dialect='trino').lower()}")
