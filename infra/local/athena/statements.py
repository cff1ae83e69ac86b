"""What kind of statement a text is, and the parts of those that are not queries."""

import re
from dataclasses import dataclass, field
from typing import Any, Final

from sqlglot.tokens import TokenType

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.parser import require_one_statement
from infra.local.athena.reading import Reader
from infra.local.athena.table_definitions import read_change, read_definition

DML: Final = "DML"
DDL: Final = "DDL"
UTILITY: Final = "UTILITY"
_QUERY_WORDS: Final = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "("})
_KNOWN_REFUSED: Final = frozenset(
    [
        "ANALYZE",
        "CALL",
        "COMMIT",
        "DELETE",
        "DENY",
        "DESC",
        "GRANT",
        "MERGE",
        "OPTIMIZE",
        "RESET",
        "REVOKE",
        "ROLLBACK",
        "SET",
        "TRUNCATE",
        "UPDATE",
        "USE",
        "VACUUM",
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement.

    Args:
        kind: ``DML``, ``DDL`` or ``UTILITY``, as ``StatementType`` says.
        action: what it does, e.g. ``SELECT``, ``CREATE VIEW``, ``SHOW TABLES``.
        database: the database it names, None when it names none.
        name: the table, view, database or prepared statement it names.
        query: the SELECT in it.
        exists: it says IF EXISTS or IF NOT EXISTS, or OR REPLACE.
        properties: those of CREATE TABLE AS and UNLOAD.
        pattern: of SHOW.
        definition: the Glue table of CREATE EXTERNAL TABLE; of ALTER TABLE what is set in one.
        partitions: values and places of ALTER TABLE.
        values: literals after USING.
        target: where UNLOAD writes.
        cascade: DROP DATABASE takes what is in it.
    """

    kind: str
    action: str
    database: str | None = None
    name: str = ""
    query: str = ""
    exists: bool = False
    properties: dict[str, object] = field(default_factory=dict)
    pattern: str | None = None
    definition: dict[str, Any] | None = None
    partitions: tuple[tuple[dict[str, str], str | None], ...] = ()
    values: tuple[str, ...] = ()
    target: str = ""
    cascade: bool = False


_EXPECTED: Final = ", ".join(f"'{word}'" for word in sorted(_KNOWN_REFUSED | {"DESCRIBE", "SELECT", "SHOW", "WITH"}))


def read_statement(sql: str) -> Statement:
    """What a text asks for.

    Args:
        sql: one statement in Athena's dialect.

    Raises:
        QueryError: SYNTAX_ERROR; NOT_SUPPORTED by the statement's first word.

    >>> read_statement("DROP VIEW IF EXISTS a.b").name
    'b'
    """
    # Hive's statements quote names with backticks.
    tokens = require_one_statement(_double_quoted(sql))
    reader = Reader(_double_quoted(sql), tokens)
    first = reader.word()
    if first in _QUERY_WORDS:
        return Statement(kind=DML, action="SELECT", query=sql)
    handler = _READERS.get(first)
    if handler is None:
        if first in _KNOWN_REFUSED:
            raise refused(f"the statement {first}")
        if re.fullmatch(r"[A-Z]+", first):
            raise QueryError("SYNTAX_ERROR", f"line 1:1: mismatched input '{tokens[0].text}'. Expecting: {_EXPECTED}")
        raise reader.unexpected()
    reader.place += 1
    return handler(reader)


def _double_quoted(sql: str) -> str:
    head = sql.lstrip()[:12].upper()
    return sql.replace("`", '"') if not head.startswith(("SELECT", "WITH", "VALUES", "UNLOAD", "INSERT")) else sql


def _create(reader: Reader) -> Statement:
    replace = reader.take("OR", "REPLACE")
    if reader.take("VIEW"):
        database, name = reader.qualified()
        reader.need("AS")
        return Statement(
            kind=DDL, action="CREATE VIEW", database=database, name=name, query=reader.rest(), exists=replace
        )
    if reader.take("DATABASE") or reader.take("SCHEMA"):
        exists = reader.take("IF", "NOT", "EXISTS")
        name = reader.name()
        if reader.place < len(reader.tokens):
            raise refused(f"{reader.word()} in CREATE DATABASE")
        return Statement(kind=DDL, action="CREATE DATABASE", name=name, exists=exists)
    if not replace and reader.take("EXTERNAL", "TABLE"):
        exists = reader.take("IF", "NOT", "EXISTS")
        database, name = reader.qualified()
        definition = read_definition(reader, name)
        return Statement(
            kind=DDL, action="CREATE TABLE", database=database, name=name, exists=exists, definition=definition
        )
    if replace or not reader.take("TABLE"):
        raise refused(f"the statement CREATE {reader.word()}", advice="use the Glue API or the template")
    exists = reader.take("IF", "NOT", "EXISTS")
    database, name = reader.qualified()
    properties = reader.properties() if reader.take("WITH") else {}
    if not reader.take("AS"):
        raise refused("CREATE TABLE without AS", advice="Athena takes it for Iceberg only; write CREATE EXTERNAL TABLE")
    query, data = reader.rest(), True
    if match := re.search(r"\bWITH\s+(NO\s+)?DATA\s*;?\s*$", query, re.IGNORECASE):
        query, data = query[: match.start()], not match[1]
    if not data:
        properties = {**properties, "with_no_data": True}
    return Statement(
        kind=DDL, action="CREATE TABLE AS", database=database, name=name, query=query, exists=exists,
        properties=properties,
    )  # fmt: skip


def _drop(reader: Reader) -> Statement:
    for word in ("VIEW", "TABLE", "DATABASE", "SCHEMA"):
        if reader.take(word):
            exists = reader.take("IF", "EXISTS")
            database, name = reader.qualified()
            is_database = word in {"DATABASE", "SCHEMA"}
            cascade = is_database and reader.take("CASCADE")
            if is_database and not cascade:
                reader.take("RESTRICT")
            reader.end()
            action = "DROP DATABASE" if is_database else f"DROP {word}"
            return Statement(kind=DDL, action=action, database=database, name=name, exists=exists, cascade=cascade)
    raise refused(f"the statement DROP {reader.word()}")


def _show(reader: Reader) -> Statement:
    if reader.take("DATABASES") or reader.take("SCHEMAS"):
        reader.take("LIKE")
        pattern = reader.string() if reader.place < len(reader.tokens) else None
        reader.end()
        return Statement(kind=UTILITY, action="SHOW DATABASES", pattern=pattern)
    for word in ("TABLES", "VIEWS"):
        if reader.take(word):
            database = reader.name() if reader.take("IN") or reader.take("FROM") else None
            reader.take("LIKE")
            pattern = reader.string() if reader.place < len(reader.tokens) else None
            reader.end()
            return Statement(kind=UTILITY, action=f"SHOW {word}", database=database, pattern=pattern)
    if reader.take("TBLPROPERTIES"):
        database, name = reader.qualified()
        pattern = None
        if reader.take("("):
            pattern = reader.text()
            reader.need(")")
        reader.end()
        return Statement(kind=UTILITY, action="SHOW TBLPROPERTIES", database=database, name=name, pattern=pattern)
    for words in (("COLUMNS",), ("PARTITIONS",), ("CREATE", "VIEW"), ("CREATE", "TABLE")):
        if reader.take(*words):
            if words == ("COLUMNS",) and not (reader.take("IN") or reader.take("FROM")):
                raise reader.unexpected()
            database, name = reader.qualified()
            if words == ("COLUMNS",) and (reader.take("IN") or reader.take("FROM")):
                database = reader.name()
            reader.end()
            return Statement(kind=UTILITY, action=f"SHOW {' '.join(words)}", database=database, name=name)
    raise refused(f"the statement SHOW {reader.word()}")


def _describe(reader: Reader) -> Statement:
    if reader.word() in {"EXTENDED", "FORMATTED", "INPUT", "OUTPUT"} and reader.word(1):
        raise refused(f"DESCRIBE {reader.word()}")
    database, name = reader.qualified()
    reader.end()
    return Statement(kind=UTILITY, action="DESCRIBE", database=database, name=name)


def _alter(reader: Reader) -> Statement:
    reader.need("TABLE")
    database, name = reader.qualified()
    if (changed := read_change(reader)) is not None:
        reader.end()
        return Statement(kind=DDL, action="ALTER TABLE", database=database, name=name, definition=changed)
    if reader.take("ADD"):
        exists, action = reader.take("IF", "NOT", "EXISTS"), "ALTER TABLE ADD PARTITION"
    elif reader.take("DROP"):
        exists, action = reader.take("IF", "EXISTS"), "ALTER TABLE DROP PARTITION"
    else:
        raise refused(f"ALTER TABLE {reader.word()} {reader.word(1)}".rstrip(), advice="use the Glue API")
    if reader.word() != "PARTITION":
        raise refused(f"{action.removesuffix(' PARTITION')} {reader.word()}", advice="use the Glue API")
    found: list[tuple[dict[str, str], str | None]] = []
    while reader.take("PARTITION"):
        values: dict[str, str] = {}
        reader.need("(")
        while not reader.take(")"):
            column = reader.name()
            reader.need("=")
            values[column] = reader.text()
            reader.take(",")
        found.append((values, reader.text() if reader.take("LOCATION") else None))
        reader.take(",")
    reader.end()
    return Statement(kind=DDL, action=action, database=database, name=name, exists=exists, partitions=tuple(found))


def _repair(reader: Reader) -> Statement:
    reader.need("REPAIR", "TABLE")
    database, name = reader.qualified()
    reader.end()
    return Statement(kind=DDL, action="MSCK REPAIR TABLE", database=database, name=name)


def _insert(reader: Reader) -> Statement:
    reader.need("INTO")
    database, name = reader.qualified()
    columns: tuple[str, ...] = ()
    if reader.word() == "(" and reader.word(1) not in {"SELECT", "WITH", "VALUES"}:
        columns = tuple(part.strip().strip('"').lower() for part in reader.brackets().split(","))
    return Statement(kind=DML, action="INSERT", database=database, name=name, query=reader.rest(), values=columns)


def _unload(reader: Reader) -> Statement:
    query = reader.brackets()
    reader.need("TO")
    target = reader.string()
    properties = reader.properties() if reader.take("WITH") else {}
    reader.end()
    return Statement(kind=DML, action="UNLOAD", query=query, target=target, properties=properties)


def _prepare(reader: Reader) -> Statement:
    name = reader.name()
    reader.need("FROM")
    return Statement(kind=DDL, action="PREPARE", name=name, query=reader.rest())


def _execute(reader: Reader) -> Statement:
    name, values = reader.name(), []
    if reader.take("USING"):
        start, depth = reader.place, 0
        for index in range(reader.place, len(reader.tokens) + 1):
            kind = reader.tokens[index].token_type if index < len(reader.tokens) else TokenType.COMMA
            depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
            if kind == TokenType.COMMA and not depth:
                if index == start:
                    raise reader.unexpected()
                values.append(reader.sql[reader.tokens[start].start : reader.tokens[index - 1].end + 1])
                start = index + 1
        reader.place = len(reader.tokens)
    reader.end()
    return Statement(kind=DML, action="EXECUTE", name=name, values=tuple(values))


def _explain(reader: Reader) -> Statement:
    if reader.word() in {"(", "ANALYZE", "VERBOSE"}:
        raise refused("EXPLAIN with options or ANALYZE", advice="write EXPLAIN SELECT …")
    return Statement(kind=UTILITY, action="EXPLAIN", query=reader.rest())


def _deallocate(reader: Reader) -> Statement:
    name = reader.name()
    reader.end()
    return Statement(kind=DDL, action="DEALLOCATE", name=name)


_READERS: Final = {
    "CREATE": _create,
    "ALTER": _alter,
    "DROP": _drop,
    "EXPLAIN": _explain,
    "INSERT": _insert,
    "MSCK": _repair,
    "SHOW": _show,
    "DESCRIBE": _describe,
    "UNLOAD": _unload,
    "PREPARE": _prepare,
    "EXECUTE": _execute,
    "DEALLOCATE PREPARE": _deallocate,  # one token to sqlglot
}
