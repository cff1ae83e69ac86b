"""Statements in Athena's dialect and what Trino answers to them: the runtime is right, refuses by name, or is wrong."""

import json
import math
import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from infra.local.athena.ddl import run_ddl
from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.rendering import text_of
from infra.local.athena.statements import read_statement
from infra.local.athena.types import SqlType
from infra.local.athena.writing import Form, table_input, write_answer
from tests.fakes.query_ports import FakeCatalog, FakeObjects

FOLDER: Final = Path(__file__).parent
NOW: Final = datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)
RIGHT, REFUSED = "right", "refused"


def statements(path: Path) -> list[str]:
    """The statements of a file; each ends with a line that ends with a semicolon."""
    done: list[str] = []
    lines: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not lines and (not line.strip() or line.startswith("--")):
            continue
        lines.append(line)
        if line.endswith(";"):
            done.append("\n".join(lines).removesuffix(";"))
            lines = []
    return done


def topics() -> list[str]:
    """The names of the files of statements."""
    return sorted(path.stem for path in (FOLDER / "statements").glob("*.sql"))


@dataclass(frozen=True, kw_only=True)
class Case:
    """A statement and Trino's answer: columns, types and rows, or the name of an error."""

    sql: str
    answer: dict[str, Any]


def cases(topic: str) -> list[Case]:
    """The statements of a topic with their recorded answers.

    Raises:
        LookupError: a statement has none; `make oracle-trino` records them.
    """
    recorded = {}
    for line in (FOLDER / "answers" / f"{topic}.jsonl").read_text(encoding="utf-8").splitlines():
        answer = json.loads(line)
        recorded[answer.pop("sql")] = answer
    asked = statements(FOLDER / "statements" / f"{topic}.sql")
    if missing := [sql for sql in asked if sql not in recorded]:
        raise LookupError(f"no recorded answer of {topic}: {missing[0]}; make oracle-trino")
    return [Case(sql=sql, answer=recorded[sql]) for sql in asked]


def lake() -> QueryEngine:
    """An engine over the tables that the statements read."""
    engine = QueryEngine(objects=FakeObjects(), catalog=FakeCatalog(), threads=1)
    for sql in statements(FOLDER / "tables.sql"):
        statement = read_statement(sql)
        if statement.action == "CREATE VIEW":
            run_ddl(engine, statement, database="default", now=NOW.timestamp())
            continue
        query = engine.translate(statement.query, database="default", now=NOW.timestamp())
        location = f"s3://lake/{statement.name}/"
        form = Form(compression="none")
        write_answer(engine, query, Running(), location=location, name="data", form=form, now=NOW.timestamp())
        engine.catalog.create_table("default", table_input(statement.name, query, location))
    return engine


def outcome(engine: QueryEngine, case: Case) -> str:
    """``right``, ``refused``, or what is wrong."""
    try:
        read = read_statement(case.sql)
        query = engine.translate(read.query, database="default", now=NOW.timestamp())
        rows = [row for batch in engine.rows(query, Running(), now=NOW.timestamp()) for row in batch]
    except QueryError as error:
        if error.name == case.answer.get("error"):
            return RIGHT
        if case.answer.get("error") == "GENERIC_INTERNAL_ERROR" and error.name != "GENERIC_INTERNAL_ERROR":
            return RIGHT  # a failure inside Trino, which has no better name for it than we have
        refused = error.name == "NOT_SUPPORTED" and "the local twin" in error.message
        return REFUSED if refused else f"failed with {error.name}: {error.message[:160]}"
    if "error" in case.answer:
        return f"answered {rows[:2]} where Trino says {case.answer['error']}: {case.answer['message'][:100]}"
    names = [column.shown for column in query.columns]
    if names != case.answer["columns"]:
        return f"columns {names}, not {case.answer['columns']}"
    kinds = [column.type for column in query.columns]
    types = [_plain_type(kind.text) for kind in kinds]
    if types != (wanted := [_plain_type(kind) for kind in case.answer["types"]]):
        return f"types {types}, not {wanted}"
    found = [[canonical(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in rows]
    expected = [[_known(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in case.answer["rows"]]
    if not re.search(r"\border\s+by\b", case.sql, re.IGNORECASE):
        found, expected = sorted(found, key=repr), sorted(expected, key=repr)
    return RIGHT if _same(found, expected) else f"answered {found[:3]}, not {expected[:3]}"


def _plain_type(text: str) -> str:
    # The length of a varchar is not followed through functions; what shows it, typeof, is compared as a value.
    return re.sub(r"varchar\(\d+\)", "varchar", text).replace('"', "").lower()


def canonical(value: Any, kind: SqlType) -> Any:
    """A value of ours in the form in which Trino's are recorded."""
    if value is None or kind.kind == "boolean" or kind.is_integer:
        return value
    if kind.kind == "array":
        return [canonical(item, kind.items[0]) for item in value]
    if kind.kind == "map":
        return _pairs([[canonical(k, kind.items[0]), canonical(v, kind.items[1])] for k, v in value.items()])
    if kind.kind == "row":
        return [canonical(item, inner) for item, inner in zip(value.values(), kind.items, strict=True)]
    if kind.is_floating:
        return _rounded(float(value), kind)
    if kind.kind == "varbinary":
        return bytes(value).hex()
    return text_of(value, kind)


def _known(value: Any, kind: SqlType) -> Any:
    if value is None:
        return None
    if kind.kind == "array":
        return [_known(item, kind.items[0]) for item in value]
    if kind.kind == "map":
        return _pairs([[_known(k, kind.items[0]), _known(v, kind.items[1])] for k, v in value])
    if kind.kind == "row":
        return [_known(item, inner) for item, inner in zip(value, kind.items, strict=True)]
    if kind.is_floating:
        return _rounded(float(value.replace("Infinity", "inf")), kind)
    if kind.kind in {"timestamp", "timestamp with time zone", "time"}:
        return _milliseconds(value)
    return value


def _rounded(value: float, kind: SqlType) -> float:
    if kind.kind == "double" or not math.isfinite(value):
        return value
    short: float = struct.unpack("f", struct.pack("f", value))[0]
    return short


def _pairs(pairs: list[list[Any]]) -> list[list[Any]]:
    return sorted(pairs, key=lambda pair: repr(pair[0]))


def _milliseconds(text: str) -> str:
    # Athena shows three digits of a second at least.
    match = re.fullmatch(r"((?:\d+-\d+-\d+ )?\d+:\d+:\d+)(?:\.(\d+))?(.*)", text)
    return text if match is None else f"{match[1]}.{(match[2] or '').ljust(3, '0')}{match[3]}"


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_same, found, wanted))
    if isinstance(wanted, float):
        if not isinstance(found, float):
            return False
        return (
            math.isclose(found, wanted, rel_tol=1e-12) or (math.isnan(found) and math.isnan(wanted)) or found == wanted
        )
    return type(found) is type(wanted) and bool(found == wanted)


def outcomes(topic: str, only: Sequence[str] = ()) -> Iterator[tuple[Case, str]]:
    """Each statement of a topic with what became of it."""
    engine = lake()
    for case in cases(topic):
        if not only or case.sql in only:
            yield case, outcome(engine, case)
