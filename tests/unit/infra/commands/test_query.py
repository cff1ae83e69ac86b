"""``query`` and ``report`` on the command line: what they ask, how they show it, how they fail."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from athena.engine import Answer, Column, EngineError, EngineUnreachable, QueryFailed
from athena.output import csv_lines, json_lines
from athena.values import Value
from glue.terminal.sanitize import hides, inert, no_formula
from infra.commands.query import query
from infra.commands.report import report
from infra.commands.stack import Target

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC).timestamp()
HOSTILE = "\x1b[31mred\x1b[0m \u202eevil [bold]x[/bold] :smile:\r\nforged \x9b2J \u2028 \U000e0041 grüß 😀"


class FakeEngine:
    def __init__(self, answer: Answer | EngineError) -> None:
        self.answer = answer
        self.calls: list[tuple[str, list[str]]] = []

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        assert (database, workgroup) == ("lake", "people")
        self.calls.append((sql, list(parameters)))
        if isinstance(self.answer, EngineError):
            raise self.answer
        return self.answer


def answer(columns: list[tuple[str, str]], *rows: tuple[Value, ...]) -> Answer:
    named = tuple(Column(name, kind) for name, kind in columns)
    return Answer(columns=named, rows=rows, bytes_scanned=1_234_567, engine_ms=340, query_id="q")


def ask(command: Any, arguments: list[str], given: Answer | EngineError, stdin: str = "") -> tuple[Result, FakeEngine]:
    engine = FakeEngine(given)
    target = Target(engine=engine, database="lake", workgroup="people", now=lambda: NOW)
    return CliRunner().invoke(command, arguments, obj=target, input=stdin), engine


TWO = answer([("action", "varchar"), ("events", "bigint")], ("allow", 90), ("block", None))


def test_a_query_prints_a_table_and_on_standard_error_what_it_cost() -> None:
    result, engine = ask(query, ["SELECT 1"], TWO)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[0] == ["action", "events"]
    assert lines[2:] == [["allow", "90"], ["block", "null"]]
    assert result.stderr == "2 rows, 1.2 MB scanned, 340 ms\n"
    assert engine.calls == [("SELECT 1", [])]


def test_a_parameter_is_always_a_text() -> None:
    given = ["x' OR '1'='1", "'; DROP TABLE verdicts", "\\'", ":other;", "%s", "5"]
    arguments = [part for value in given for part in ("--param", value)]
    _, engine = ask(query, ["SELECT 1 WHERE a = ?", *arguments], TWO)
    assert engine.calls[0][1] == [
        "'x'' OR ''1''=''1'",
        "'''; DROP TABLE verdicts'",
        "'\\'''",
        "':other;'",
        "'%s'",
        "'5'",
    ]
    assert engine.calls[0][0] == "SELECT 1 WHERE a = ?"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SELECT ?", "--param", "a\x00b"], "U+0000"),
        (["  "], "empty"),
        (["SELECT '\ud800'"], "UTF-8"),
        (["SELECT ?", "--param", "x" * 2000], "Athena takes 1024"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(arguments: list[str], said: str) -> None:
    result, engine = ask(query, arguments, TWO)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert engine.calls == []


def test_a_statement_may_come_from_standard_input() -> None:
    _, engine = ask(query, ["-"], TWO, stdin="SELECT 2\n")
    assert engine.calls == [("SELECT 2\n", [])]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (QueryFailed("SYNTAX_ERROR: line 1:8: \x1b[2J\nforged", hint="look there"), 1),
        (EngineUnreachable("nothing answers", hint="start it"), 3),
    ],
)
def test_an_engine_that_fails_makes_one_inert_line_and_an_exit_code(error: EngineError, code: int) -> None:
    result, _ = ask(query, ["SELECT 1"], error)
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr
    assert error.hint in result.stderr


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_untrusted_text_is_shown_inert(form: list[str]) -> None:
    result, _ = ask(query, ["SELECT 1", *form], answer([("text", "varchar"), (HOSTILE, "varchar")], (HOSTILE, "x")))
    assert result.exit_code == 0
    assert not {character for character in result.stdout if hides(character)} - {"\n"}
    assert "forged" not in {line.strip() for line in result.stdout.splitlines()}
    for honest in ("[bold]x[/bold]", ":smile:", "grüß 😀"):
        assert honest in result.stdout


def test_a_table_on_a_pipe_is_never_cut_or_wrapped() -> None:
    long = "x" * 500
    result, _ = ask(query, ["SELECT 1"], answer([("a", "varchar"), ("b", "varchar")], (long, "end")))
    assert any(long in line and line.rstrip().endswith("end") for line in result.stdout.splitlines())


def test_csv_keeps_numbers_and_disarms_texts() -> None:
    cells = ["=HYPERLINK(1)", "+1", "-1", "@SUM", "\tx", "\rx", "\x00x", "＝1", 'say "hi", you', "a\nb", "a;=b", ""]
    rows: list[tuple[Value, ...]] = [(cell, -1, Decimal("-2.50"), -1.5e300, None) for cell in cells]
    kinds = [("t", "varchar"), ("i", "bigint"), ("d", "decimal(9,2)"), ("f", "double"), ("n", "varchar")]
    result, _ = ask(query, ["SELECT 1", "--csv"], answer(kinds, *rows))
    text = result.stdout_bytes.decode()
    found = list(csv.reader(io.StringIO(text, newline="")))
    assert found[0] == ["t", "i", "d", "f", "n"]
    assert [row[0] for row in found[1:]] == [f"'{cell}" for cell in cells[:8]] + cells[8:]
    assert all(row[1:] == ["-1", "-2.50", "-1.5e+300", ""] for row in found[1:])
    assert text.endswith("\r\n")
    assert '"a;=b"' in text
    assert text.splitlines()[-1].startswith('"",')


@given(st.lists(st.one_of(st.none(), st.text(), st.integers(), st.booleans()), min_size=2, max_size=2))
def test_csv_reads_back_as_what_it_was_and_no_text_begins_like_a_formula(cells: list[Value]) -> None:
    given = answer([("a", "varchar"), ("b", "varchar")], tuple(cells))
    [_, row] = list(csv.reader(io.StringIO("".join(csv_lines(given)), newline="")))
    for cell, read in zip(cells, row, strict=True):
        if isinstance(cell, str):
            assert read.removeprefix("'") == cell.removeprefix("'")
            assert read[:1] not in set("=+-@\t\r\n\x00")
            assert read == no_formula(cell)


@given(st.text(), st.one_of(st.none(), st.text(), st.integers(), st.floats(allow_nan=False), st.booleans()))
def test_json_reads_back_as_what_it_was(name: str, cell: Value) -> None:
    text = "".join(json_lines(answer([(name, "x")], (cell,))))
    [record] = json.loads(text)
    infinite = cell in (float("inf"), float("-inf"))
    assert record == {name: str(cell) if infinite else cell}
    assert not {character for character in text if hides(character)} - {"\n"}


def test_json_keeps_every_digit_and_the_form_of_times() -> None:
    row: tuple[Value, ...] = (2**63 - 1, Decimal("0.10"), datetime(2026, 11, 20, 9, 30), float("nan"), {"a": [1]}, True)
    kinds = [(name, "x") for name in "abcdef"]
    result, _ = ask(query, ["SELECT 1", "--json"], answer(kinds, row))
    assert result.stdout == (
        '[\n  {"a": 9223372036854775807, "b": 0.10, "c": "2026-11-20 09:30:00.000", "d": "nan", "e": {"a": [1]}, '
        '"f": true}\n]\n'
    )


def test_json_without_rows_is_an_empty_array() -> None:
    assert json.loads(ask(query, ["SELECT 1", "--json"], answer([("a", "x")]))[0].stdout) == []


def test_json_of_columns_named_alike_is_refused() -> None:
    result, _ = ask(query, ["SELECT 1", "--json"], answer([("a", "x"), ("a", "x")], (1, 2)))
    assert result.exit_code == 1
    assert "named alike: a" in result.stderr


@given(st.text())
def test_inert_text_is_one_line_that_commands_nothing(text: str) -> None:
    shown = inert(text)
    assert not any(hides(character) for character in shown)
    assert len(shown.splitlines()) <= 1
    assert inert(shown) == shown


@pytest.mark.parametrize(("command", "arguments"), [(query, ["SELECT 1"]), (report, ["latency"])])
def test_ctrl_c_ends_with_its_own_exit_code(command: Any, arguments: list[str]) -> None:
    class Interrupted(FakeEngine):
        def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
            raise KeyboardInterrupt

    target = Target(engine=Interrupted(TWO), database="lake", workgroup="people", now=lambda: NOW)
    result = CliRunner().invoke(command, arguments, obj=target)
    assert result.exit_code == 130
    assert result.stderr == "Stopped; the query was stopped at Athena too.\n"


def test_a_report_asks_for_the_last_day_unless_told_otherwise() -> None:
    result, engine = ask(report, ["actions_by_hour"], answer([("hour", "timestamp"), ("events", "bigint")]))
    assert result.exit_code == 0, result.stderr
    [(sql, parameters)] = engine.calls
    assert "current_verdicts" in sql
    assert parameters[:4] == ["'2026-11-19'", "'2026-11-20'", "'2026-11-19 09:30:00.000'", "'2026-11-20 09:30:00.000'"]
    assert parameters[4:] == ["''"] * 6
    assert "from 2026-11-19 09:30:00Z until 2026-11-20 09:30:00Z" in result.stderr
    assert "As of 2026-11-20 09:30:00Z" in result.stderr
    assert "UTC" in result.stdout


def test_a_report_takes_its_period_and_its_parameters() -> None:
    arguments = ["top_authors", "--since", "2026-11-01", "--until", "2026-11-08", "--param", "limit=3", "--json"]
    arguments += ["--param", "surface=chat"]
    result, engine = ask(report, arguments, answer([("place", "bigint")], (1,)))
    assert result.exit_code == 0, result.stderr
    assert engine.calls[0][1][:2] == ["'2026-11-01'", "'2026-11-07'"]
    assert engine.calls[0][1][4:] == ["'chat'", "'chat'", *["''"] * 4, "3"]
    assert json.loads(result.stdout) == [{"place": 1}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "which report?"),
        (["latenzy"], "did you mean latency?"),
        (["latency", "--since", "yesterday"], "not a time"),
        (["latency", "--since", "now"], "the period is empty"),
        (["completeness", "--param", "limit=3"], "it takes none but"),
        (["labels_by", "--param", "by=colour"], "allowed: hour, day, surface, language, policy"),
        (["top_authors", "--param", "limit=3; DROP TABLE x"], "not a whole number"),
        (["top_authors", "--param", "limit=0"], "allowed: 1 to 1000"),
        (["top_authors", "--param", "limit=1", "--param", "limit=2"], "given twice"),
        (["top_authors", "--param", "order_by=events; --"], "it takes limit, surface"),
        (["\x1b[31m"], "no report"),
    ],
)
def test_a_report_refuses_what_it_cannot_take_in_one_line(arguments: list[str], said: str) -> None:
    result, engine = ask(report, arguments, TWO)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.stderr
    assert engine.calls == []


def test_the_list_says_what_each_report_answers_and_takes() -> None:
    result, engine = ask(report, ["--list"], TWO)
    assert "latency\n  How long does an event take" in result.stdout
    assert "--param limit=N" in result.stdout
    assert "--param by=CHOICE" in result.stdout
    assert "surface|language|label=TEXT" in result.stdout
    assert engine.calls == []
    as_json, _ = ask(report, ["--list", "--json"], TWO)
    listed = {one["name"]: one for one in json.loads(as_json.stdout)}
    assert listed["latency"]["columns"][2] == {
        "name": "p50",
        "unit": "seconds",
        "meaning": "half of the events took at most this long; percentiles are approximate",
    }


@pytest.mark.parametrize("command", [query, report])
def test_help_has_an_example_and_the_exit_codes(command: Any) -> None:
    text = CliRunner().invoke(command, ["--help"]).stdout
    assert "Example" in text
    assert "Exit codes: 0 done; 1 the query failed" in " ".join(text.split())
