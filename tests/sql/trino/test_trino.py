"""The statements that Athena's users write, against Trino's recorded answers: right or refused by name, never wrong."""

import json
from collections import Counter

import pytest

from tests.sql.trino.corpus import FOLDER, REFUSED, RIGHT, outcomes, topics

pytestmark = pytest.mark.heavy

REFUSED_AT_MOST = {"errors": 12, "casts": 14, "dates": 16, "json": 8, "maps": 9, "regex": 13, "texts": 24}
"""What may be refused in a topic; of the others a tenth."""


@pytest.mark.parametrize("topic", topics())
def test_every_statement_is_right_or_refused_by_name(topic: str) -> None:
    found = [(case.sql, outcome) for case, outcome in outcomes(topic)]
    wrong = {sql: outcome for sql, outcome in found if outcome not in {RIGHT, REFUSED}}
    assert not wrong
    tally = Counter(outcome for _, outcome in found)
    assert tally[REFUSED] <= REFUSED_AT_MOST.get(topic, max(1, len(found) // 7)), tally


def test_there_are_as_many_statements_as_are_said() -> None:
    lines = sum(
        len((FOLDER / "answers" / f"{topic}.jsonl").read_text(encoding="utf-8").splitlines()) for topic in topics()
    )
    assert lines >= 2000


def test_trinos_errors_are_recorded_by_their_names() -> None:
    names = {
        json.loads(line).get("error")
        for line in (FOLDER / "answers" / "errors.jsonl").read_text(encoding="utf-8").splitlines()
    }
    assert {"DIVISION_BY_ZERO", "INVALID_CAST_ARGUMENT", "TYPE_MISMATCH", "SYNTAX_ERROR"} <= names
