"""A query in the Athena dialect as DuckDB text that gives Trino's answers, or a refusal by name."""

from collections.abc import Sequence
from dataclasses import dataclass

from infra.local.athena import functions_bytes as query_functions_bytes
from infra.local.athena import functions_json as query_functions_json
from infra.local.athena import functions_lambda as query_functions_lambda
from infra.local.athena import functions_math as query_functions_math
from infra.local.athena import functions_nested as query_functions_nested
from infra.local.athena import functions_text as query_functions_text
from infra.local.athena import functions_time as query_functions_time
from infra.local.athena.aggregates import AGGREGATES, WINDOWS
from infra.local.athena.errors import refused
from infra.local.athena.functions import known_functions
from infra.local.athena.parser import bind_parameters, parse_query
from infra.local.athena.plan import OutColumn, Scan, Tables
from infra.local.athena.relations import Relations

# Importing these puts their functions on the allow-list.
FUNCTION_MODULES = (
    query_functions_bytes,
    query_functions_json,
    query_functions_lambda,
    query_functions_math,
    query_functions_nested,
    query_functions_text,
    query_functions_time,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """A translated query.

    Args:
        sql: DuckDB text; its columns are ``c0``, ``c1`` …, its tables the scans' relations.
        columns: the columns as Athena shows them.
        scans: the readings of tables, with what is known of the partitions each one needs.
    """

    sql: str
    columns: tuple[OutColumn, ...]
    scans: tuple[Scan, ...]


def translate(sql: str, *, tables: Tables, database: str, now: float, parameters: Sequence[str] = ()) -> Translated:
    """The query in DuckDB's dialect.

    Args:
        sql: one SELECT, WITH, VALUES or TABLE statement.
        tables: finds tables and views.
        database: where a bare table name is looked for.
        now: epoch seconds, what ``now()`` answers.
        parameters: literals for the ``?``, as text.

    Raises:
        QueryError: as Athena would fail; NOT_SUPPORTED for what the twin does not translate.
    """
    if parameters or "?" in sql:
        sql = bind_parameters(sql, parameters)
    tree = parse_query(sql)
    relations = Relations(text=sql, tables=tables, database=database.lower(), now=now)
    try:
        done = relations.query(tree)
    except RecursionError as error:
        raise refused("a statement nested that deeply") from error
    return Translated(sql=done.sql, columns=tuple(done.columns), scans=tuple(relations.scans))


def translated_names() -> dict[str, list[str]]:
    """The functions, aggregates and window functions that are translated, each in alphabetical order."""
    return {
        "functions": known_functions(),
        "aggregates": sorted(AGGREGATES),
        "window functions": sorted(WINDOWS),
    }


if __name__ == "__main__":
    for kind, names in translated_names().items():
        print(f"{kind}: {', '.join(names)}")
