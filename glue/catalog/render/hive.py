"""Tables as Hive and Glue see them: column types, DDL, and the columns of the AWS template."""

from typing import Any, get_type_hints

import msgspec
from msgspec import Meta, Struct, inspect

from glue.catalog.tables import FIRST_DAY, PARTITION, Table


class Column(Struct, frozen=True):
    """One column: its name, its Hive type and what it holds."""

    name: str
    type: str
    comment: str


def columns(table: Table) -> list[Column]:
    """A table's columns in order, without the partition column.

    >>> from glue.catalog.tables import VERDICTS
    >>> columns(VERDICTS)[0].type, columns(VERDICTS)[6].type
    ('string', 'timestamp')
    """
    hints = get_type_hints(table.record, include_extras=True)
    return [Column(name, hive_type(hints[name]), _comment(hints[name])) for name in table.record.__struct_fields__]


def hive_type(annotation: Any) -> str:
    """The Hive type that holds a contract type without loss.

    Raises:
        TypeError: no Hive type holds it; it names the type.

    >>> hive_type(tuple[str, ...])
    'array<string>'
    """
    kind = inspect.type_info(annotation)
    extra: dict[str, Any] = {}
    while isinstance(kind, inspect.Metadata):
        extra = {**(kind.extra or {}), **extra}
        kind = kind.type
    return str(extra["sql"]) if "sql" in extra else _of(kind)


def _of(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            return str(kind.extra["sql"]) if kind.extra and "sql" in kind.extra else _of(kind.type)
        case inspect.StrType() | inspect.LiteralType():
            return "string"
        case inspect.BoolType():
            return "boolean"
        case inspect.IntType():
            return "bigint"
        case inspect.FloatType():
            return "double"
        case inspect.VarTupleType() | inspect.ListType():
            return f"array<{_of(kind.item_type)}>"
        case inspect.DictType():
            return f"map<{_of(kind.key_type)},{_of(kind.value_type)}>"
        case inspect.StructType():
            fields = ",".join(f"{field.name}:{_of(field.type)}" for field in kind.fields)
            return f"struct<{fields}>"
        case inspect.UnionType():
            [inner] = [member for member in kind.types if not isinstance(member, inspect.NoneType)]
            return _of(inner)
    raise TypeError(f"{kind}: no Hive type holds it; allowed: str, bool, int, float, tuples, dicts and structs of them")


def _comment(annotation: Any) -> str:
    for meta in reversed(getattr(annotation, "__metadata__", ())):
        if isinstance(meta, Meta) and meta.description:
            return meta.description
    return ""


def table_parameters(table: Table, bucket: str) -> dict[str, str]:
    """The Glue table parameters that make partition projection answer for the day column.

    Args:
        table: which table.
        bucket: the lake bucket's name, or the expression that gives it.

    Source: https://docs.aws.amazon.com/athena/latest/ug/partition-projection-supported-types.html
    """
    return {
        "EXTERNAL": "TRUE",
        "classification": "parquet" if table.form == "parquet" else "csv",
        "projection.enabled": "true",
        f"projection.{PARTITION}.type": "date",
        f"projection.{PARTITION}.format": "yyyy-MM-dd",
        # A clock may be a day ahead by the contract, so tomorrow is a partition too.
        f"projection.{PARTITION}.range": f"{FIRST_DAY},NOW+2DAYS",
        f"projection.{PARTITION}.interval": "1",
        f"projection.{PARTITION}.interval.unit": "DAYS",
        "storage.location.template": f"s3://{bucket}/{table.prefix}{PARTITION}=${{{PARTITION}}}/",
    }


def ddl(table: Table, database: str, bucket: str) -> str:
    """The Athena statement that makes the table, for those who do not deploy the template."""
    lines = ",\n".join(
        f"  `{c.name}` {c.type} COMMENT '{c.comment.replace(chr(39), chr(39) * 2)}'" for c in columns(table)
    )
    parameters = ",\n".join(
        f"  '{name}' = '{value}'" for name, value in table_parameters(table, bucket).items() if name != "EXTERNAL"
    )
    # Nothing in a line is a delimiter: U+0001 is in no JSON document, and begins no second column.
    stored = "STORED AS PARQUET" if table.form == "parquet" else "ROW FORMAT DELIMITED\nSTORED AS TEXTFILE"
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS `{database}`.`{table.name}` (\n{lines}\n)\n"
        f"COMMENT {_sql_text(table.comment)}\n"
        f"PARTITIONED BY (`{PARTITION}` string)\n{stored}\n"
        f"LOCATION 's3://{bucket}/{table.prefix}'\nTBLPROPERTIES (\n{parameters}\n);\n"
    )


def _sql_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def template_columns(table: Table, indent: int) -> str:
    """The table's columns as lines of the AWS template's YAML, indented by so many spaces."""
    pad = " " * indent
    return "".join(
        f"{pad}- {{ Name: {c.name}, Type: {_quoted(c.type)}, Comment: {_quoted(c.comment)} }}\n" for c in columns(table)
    )


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()


__all__ = ["Column", "columns", "ddl", "hive_type", "table_parameters", "template_columns"]
