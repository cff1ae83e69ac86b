"""What kind of statement a text is, and the parts of those that are not queries."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlglot.tokens import Token, TokenType

from infra.local.athena.errors import QueryError, refused
from infra.local.athena.parser import require_one_statement

DML: Final = "DML"
DDL: Final = "DDL"
UTILITY: Final = "UTILITY"
_QUERY_WORDS: Final = frozenset({"SELECT", "WITH", "VALUES", "TABLE", "("})
_KNOWN_REFUSED: Final = frozenset(
    [
        "ALTER",
        "ANALYZE",
        "CALL",
        "COMMIT",
        "DELETE",
        "DENY",
        "DESC",
        "EXPLAIN",
        "GRANT",
        "INSERT",
        "MERGE",
        "MSCK",
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
        values: literals after USING.
        target: where UNLOAD writes.
    """

    kind: str
    action: str
    database: str | None = None
    name: str = ""
    query: str = ""
    exists: bool = False
    properties: dict[str, object] = field(default_factory=dict)
    pattern: str | None = None
    values: tuple[str, ...] = ()
    target: str = ""


class _Reader:
    """Walks over a statement's tokens."""

    def __init__(self, sql: str, tokens: Sequence[Token]) -> None:
        self.sql = sql
        self.tokens = tokens
        self.place = 0

    def word(self, offset: int = 0) -> str:
        index = self.place + offset
        return self.tokens[index].text.upper() if index < len(self.tokens) else ""

    def take(self, *words: str) -> bool:
        if tuple(self.word(offset) for offset in range(len(words))) != words:
            return False
        if any(self.tokens[self.place + n].token_type == TokenType.STRING for n in range(len(words))):
            return False
        self.place += len(words)
        return True

    def need(self, *words: str) -> None:
        if not self.take(*words):
            raise self.unexpected()

    def unexpected(self) -> QueryError:
        if self.place >= len(self.tokens):
            return QueryError("SYNTAX_ERROR", "line 1:1: mismatched input '<EOF>'")
        token = self.tokens[self.place]
        return QueryError("SYNTAX_ERROR", f"line {token.line}:{max(1, token.col - len(token.text) + 1)}: "
                                          f"mismatched input '{token.text}'")  # fmt: skip

    def name(self) -> str:
        if self.place >= len(self.tokens) or not re.fullmatch(r"[\w$-]+", self.tokens[self.place].text):
            raise self.unexpected()
        self.place += 1
        return str(self.tokens[self.place - 1].text).lower()

    def qualified(self) -> tuple[str | None, str]:
        parts = [self.name()]
        while self.take("."):
            parts.append(self.name())
        if len(parts) == 3 and parts[0] == "awsdatacatalog":
            parts.pop(0)
        if len(parts) > 2:
            raise refused(f"the catalog {parts[0]}")
        return (parts[0] if len(parts) == 2 else None), parts[-1]

    def string(self) -> str:
        if self.place >= len(self.tokens) or self.tokens[self.place].token_type != TokenType.STRING:
            raise self.unexpected()
        self.place += 1
        return str(self.tokens[self.place - 1].text)

    def rest(self) -> str:
        if self.place >= len(self.tokens):
            raise self.unexpected()
        return self.sql[self.tokens[self.place].start : self.tokens[-1].end + 1]

    def end(self) -> None:
        if self.place < len(self.tokens):
            raise self.unexpected()

    def brackets(self) -> str:
        """What stands between this bracket and the one that closes it."""
        self.need("(")
        depth, first = 1, self.place
        while self.place < len(self.tokens):
            text, kind = self.tokens[self.place].text, self.tokens[self.place].token_type
            depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
            self.place += 1
            if not depth:
                return self.sql[self.tokens[first].start : self.tokens[self.place - 2].end + 1] if text else ""
        raise self.unexpected()

    def properties(self) -> dict[str, object]:
        found: dict[str, object] = {}
        self.need("(")
        while True:
            name = self.name()
            self.need("=")
            found[name] = self._value()
            if self.take(")"):
                return found
            self.need(",")

    def _value(self) -> object:
        if self.take("ARRAY"):
            self.need("[")
            listed: list[object] = []
            while not self.take("]"):
                listed.append(self._value())
                self.take(",")
            return listed
        token = self.tokens[self.place] if self.place < len(self.tokens) else None
        if token is None or token.token_type not in {
            TokenType.STRING,
            TokenType.NUMBER,
            TokenType.TRUE,
            TokenType.FALSE,
        }:
            raise self.unexpected()
        self.place += 1
        if token.token_type == TokenType.NUMBER:
            return int(token.text)
        return token.text if token.token_type == TokenType.STRING else token.token_type == TokenType.TRUE


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
    reader = _Reader(_double_quoted(sql), tokens)
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
    return sql.replace("`", '"') if not head.startswith(("SELECT", "WITH", "VALUES", "UNLOAD")) else sql


def _create(reader: _Reader) -> Statement:
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
    if replace or not reader.take("TABLE"):
        raise refused(f"the statement CREATE {reader.word()}", advice="use the Glue API or the template")
    exists = reader.take("IF", "NOT", "EXISTS")
    database, name = reader.qualified()
    properties = reader.properties() if reader.take("WITH") else {}
    if not reader.take("AS"):
        raise refused("CREATE TABLE without AS", advice="use the Glue API or the template")
    query, data = reader.rest(), True
    if match := re.search(r"\bWITH\s+(NO\s+)?DATA\s*;?\s*$", query, re.IGNORECASE):
        query, data = query[: match.start()], not match[1]
    if not data:
        properties = {**properties, "with_no_data": True}
    return Statement(
        kind=DDL, action="CREATE TABLE AS", database=database, name=name, query=query, exists=exists,
        properties=properties,
    )  # fmt: skip


def _drop(reader: _Reader) -> Statement:
    for word in ("VIEW", "TABLE", "DATABASE", "SCHEMA"):
        if reader.take(word):
            exists = reader.take("IF", "EXISTS")
            database, name = reader.qualified()
            if reader.take("CASCADE"):
                raise refused("DROP ... CASCADE")
            reader.take("RESTRICT")
            reader.end()
            action = f"DROP {'DATABASE' if word == 'SCHEMA' else word}"
            return Statement(kind=DDL, action=action, database=database, name=name, exists=exists)
    raise refused(f"the statement DROP {reader.word()}")


def _show(reader: _Reader) -> Statement:
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
    for words in (("COLUMNS",), ("PARTITIONS",), ("CREATE", "VIEW")):
        if reader.take(*words):
            if words == ("COLUMNS",) and not (reader.take("IN") or reader.take("FROM")):
                raise reader.unexpected()
            database, name = reader.qualified()
            if words == ("COLUMNS",) and (reader.take("IN") or reader.take("FROM")):
                database = reader.name()
            reader.end()
            return Statement(kind=UTILITY, action=f"SHOW {' '.join(words)}", database=database, name=name)
    raise refused(f"the statement SHOW {reader.word()}")


def _describe(reader: _Reader) -> Statement:
    if reader.word() in {"EXTENDED", "FORMATTED", "INPUT", "OUTPUT"} and reader.word(1):
        raise refused(f"DESCRIBE {reader.word()}")
    database, name = reader.qualified()
    reader.end()
    return Statement(kind=UTILITY, action="DESCRIBE", database=database, name=name)


def _unload(reader: _Reader) -> Statement:
    query = reader.brackets()
    reader.need("TO")
    target = reader.string()
    properties = reader.properties() if reader.take("WITH") else {}
    reader.end()
    return Statement(kind=DML, action="UNLOAD", query=query, target=target, properties=properties)


def _prepare(reader: _Reader) -> Statement:
    name = reader.name()
    reader.need("FROM")
    return Statement(kind=DDL, action="PREPARE", name=name, query=reader.rest())


def _execute(reader: _Reader) -> Statement:
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


def _deallocate(reader: _Reader) -> Statement:
    name = reader.name()
    reader.end()
    return Statement(kind=DDL, action="DEALLOCATE", name=name)


_READERS: Final = {
    "CREATE": _create,
    "DROP": _drop,
    "SHOW": _show,
    "DESCRIBE": _describe,
    "UNLOAD": _unload,
    "PREPARE": _prepare,
    "EXECUTE": _execute,
    "DEALLOCATE PREPARE": _deallocate,  # one token to sqlglot
}
