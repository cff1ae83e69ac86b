"""Athena expressions with the answers that Trino documents: each right or refused by name, none silently wrong."""

import datetime as dt
import json
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from infra.local.athena.errors import QueryError
from infra.local.athena.plan import TableInfo
from infra.local.athena.session import Session
from infra.local.athena.translation import translate
from infra.local.athena.types import INTEGER, TIMESTAMP, VARCHAR, array, decimal

DOCUMENT: dict[str, Any] = json.loads(
    (Path(os.environ["STREAMKEEPER_DATA"]) / "vectors" / "trino_expressions.json").read_text()
)
CASES: list[dict[str, Any]] = DOCUMENT["cases"]
AT_LEAST_RIGHT = 105
NOW = 1_767_225_600.5
EV = TableInfo(
    database="main",
    name="ev",
    columns=(
        ("id", INTEGER),
        ("label", VARCHAR),
        ("ts", TIMESTAMP),
        ("score", decimal(2, 1)),
        ("j", VARCHAR),
        ("tags", array(INTEGER)),
    ),
)


class OneTable:
    def find(self, database: str, name: str) -> TableInfo | None:
        return EV if (database, name) == ("main", "ev") else None

    def has_database(self, database: str) -> bool:
        return database == "main"

    def catalog_relation(self, name: str) -> None:
        return None


def answer(sql: str) -> list[list[Any]]:
    query = translate(sql, tables=OneTable(), database="main", now=NOW)
    session = Session()
    try:
        session.run(DOCUMENT["setup"])
        for scan in query.scans:
            columns = ", ".join(f"{name} AS c{index}" for index, (name, _) in enumerate(EV.columns))
            session.run(f"CREATE VIEW {scan.relation} AS SELECT {columns}, 's3://b/k' AS path FROM ev")
        return [list(row) for row in session.rows(query.sql)]
    finally:
        session.close()


def expected(value: Any) -> Any:
    if isinstance(value, list):
        return [expected(item) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "date":
        return dt.date.fromisoformat(content)
    if kind == "timestamp":
        return dt.datetime.fromisoformat(content)
    if kind == "decimal":
        return Decimal(content)
    return {key: expected(item) for key, item in content}


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, dict):
        if not isinstance(found, dict) or found.keys() != wanted.keys():
            return False
        return all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if isinstance(wanted, float):
        return float(found) == pytest.approx(wanted)
    return type(found) is type(wanted) and bool(found == wanted)


def outcome(case: dict[str, Any]) -> str:
    try:
        rows = answer(case["sql"])
    except QueryError as error:
        return "refused" if error.name == "NOT_SUPPORTED" else f"failed with {error.name}"
    if case["rows"] is None:
        return "right"
    for answers in (case["rows"], case.get("also")):
        wanted = [[expected(value) for value in row] for row in answers or ()]
        if answers is not None and len(rows) == len(wanted) and all(map(same, rows, wanted)):
            return "right"
    return f"wrong: {rows}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_an_expression_is_right_or_refused(case: dict[str, Any]) -> None:
    assert outcome(case) in {"right", "refused"}


def test_most_expressions_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Counter(outcome(case) for case in CASES)
    with capsys.disabled():
        print(f"\nTrino expressions: {tally['right']} right, {tally['refused']} refused, {len(CASES)} in all")
    assert set(tally) <= {"right", "refused"}
    assert tally["right"] >= AT_LEAST_RIGHT
