"""docs/conformance.md is true of the tests: rows have sources, their tests exist, no recording is left out."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "conformance.md").read_text("utf-8")
RECORDINGS = ROOT / "tests" / "data" / "test_recorded_event_source.py"
FILES = {path.relative_to(ROOT / "tests").as_posix(): path for path in (ROOT / "tests").rglob("test_*.py")}
LINKS = dict(re.findall(r"^\[([^\]]+)\]: (\S+)$", PAGE, re.MULTILINE))
HEADER = ["Statement", "Source", "Test"]


def table_rows(text: str) -> list[list[str]]:
    """The cells of every row of every table, without headers and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in rows if row != HEADER and set("".join(row)) != {"-"}]


ROWS = table_rows(PAGE)


@cache
def functions_of(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)}


def problems(row: list[str]) -> list[str]:
    """What is wrong with one row; nothing when it holds."""
    if len(row) != 3 or not row[0].endswith((".", "…")):
        return [f"a sentence, a source and a test are needed: {row}"]
    found = []
    _, source, test = row
    link = re.fullmatch(r"\[([^\]]+)\]", source)
    recorded = re.fullmatch(r"recorded on AWS: `test_\w+`", source)
    if not recorded and not (link and LINKS.get(link[1], "").startswith("https://")):
        found.append(f"no source: {source!r}")
    named = re.fullmatch(r"`((?:\w+/)*test_\w+\.py)::(test_\w+)`", test)
    if named is None or named[1] not in FILES:
        found.append(f"no such file: {test}")
    elif named[2] not in functions_of(FILES[named[1]]):
        found.append(f"no such test: {test}")
    return found


def recorded_names() -> set[str]:
    """The names of recorded cases in the test's source, and the labels of those that have several."""
    tree = ast.parse(RECORDINGS.read_text("utf-8"))
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    cases = {text.removesuffix("[") for text in texts if re.fullmatch(r"test(?:_[a-z0-9]*[a-z][a-z0-9]*){3,}\[?", text)}
    labels = {text for text in texts if re.fullmatch(r"[a-z_]+_(?:success|failure)|unhandled_\w+|expire-[a-z-]+", text)}
    return cases | labels


def test_every_row_has_a_sentence_a_source_and_a_test_that_exists() -> None:
    assert [problem for row in ROWS for problem in problems(row)] == []


def test_the_tables_hold_what_they_did_and_no_statement_twice() -> None:
    statements = [row[0] for row in ROWS]
    assert len(ROWS) > 140
    assert sorted(statements) == sorted(set(statements))


def test_every_recorded_case_of_the_event_source_is_listed() -> None:
    names = recorded_names()
    assert len(names) > 25
    assert {name for name in names if f"`{name}`" not in PAGE} == set()


def test_every_source_is_used_and_every_service_says_what_is_different() -> None:
    assert {name for name in LINKS if f"| [{name}] |" not in PAGE} == set()
    for section in PAGE.split("\n## ")[1:]:
        assert "Different from AWS\n" in section, section.splitlines()[0]


@pytest.mark.parametrize(
    "row",
    [
        ["A sentence.", "[PutRecords]", "`unit/infra/local/kinesis/test_streams.py::test_that_is_not_there`"],
        ["A sentence.", "[PutRecords]", "`test_nothing_at_all.py::test_x`"],
        ["A sentence.", "", "`unit/infra/local/test_twin.py::test_x`"],
        [
            "A sentence.",
            "[no such link]",
            "`unit/infra/local/test_twin.py::test_x`",
        ],
        ["A sentence.", "[PutRecords]", ""],
        ["A sentence.", "[PutRecords]"],
    ],
)
def test_a_row_that_does_not_hold_is_found(row: list[str]) -> None:
    assert problems(row)
