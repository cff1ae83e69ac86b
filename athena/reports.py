"""The reports: SQL files that say in their header what they answer, what they take and what their columns are."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from athena.engine import Answer, Engine
from athena.period import Period
from athena.values import day_literal, integer_literal, timestamp_literal

__all__ = ["Report", "ReportColumn", "ReportParameter", "load", "names", "parse", "run"]

ParameterValue = datetime | int
_FOLDER = Path(__file__).parent / "reports"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_INTEGER = re.compile(r"integer (-?[0-9]+) to (-?[0-9]+)\Z")
_BINDING = re.compile(r"(?:(first_day|last_day)\(([a-z_]+)\)|([a-z_]+))\Z")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportParameter:
    """One parameter: its name, its type (``timestamp`` or ``integer``) with its bounds, and what it means.

    Args:
        default: what holds when none is given; None when one must be given.
    """

    name: str
    type: str
    minimum: int | None = None
    maximum: int | None = None
    default: int | None = None
    meaning: str = ""

    def read(self, text: str) -> int:
        """The whole number that a text gives for an integer parameter.

        Raises:
            ValueError: not a whole number, or out of bounds.
        """
        if self.type != "integer":
            raise ValueError(f"{self.name} is a {self.type}; give it by --{self.name}")
        if not re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
            raise ValueError(f"{self.name}={text!r} is not a whole number; allowed: {self.minimum} to {self.maximum}")
        self.check(int(text))
        return int(text)

    def check(self, value: ParameterValue) -> None:
        """Nothing, when the value may stand for this parameter.

        Raises:
            ValueError: it is out of bounds.
            TypeError: it is of another type.
        """
        wanted = datetime if self.type == "timestamp" else int
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise TypeError(f"{self.name} takes {self.type}, not {type(value).__name__}")
        if isinstance(value, int):
            low, high = self.minimum, self.maximum
            if (low is not None and value < low) or (high is not None and value > high):
                raise ValueError(f"{self.name}={value} is out of bounds; allowed: {low} to {high}")


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """One column of the answer: its name, its unit (empty for words) and what it holds."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report as its file gives it.

    Args:
        bindings: what goes into the ``?`` of the SQL, in order: a parameter's name, ``first_day(name)``, or
            ``last_day(name)`` for the last day that has a moment before that parameter.
        sql: the statement, without its header; values reach it by ``?`` only.
    """

    name: str
    title: str
    question: str
    notes: str
    parameters: tuple[ReportParameter, ...]
    columns: tuple[ReportColumn, ...]
    bindings: tuple[str, ...]
    sql: str

    def literals(self, values: Mapping[str, ParameterValue]) -> list[str]:
        """The execution parameters for these values, in the order of the ``?``.

        Raises:
            ValueError: a parameter that is unknown, missing or out of bounds, or an empty period.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        for name in values:
            if name not in known:
                raise ValueError(f"{self.name} has no parameter {name!r}; it takes {', '.join(known)}")
        given: dict[str, ParameterValue] = {}
        for parameter in self.parameters:
            value = values.get(parameter.name, parameter.default)
            if value is None:
                raise ValueError(f"{self.name} needs {parameter.name}: {parameter.meaning}")
            parameter.check(value)
            given[parameter.name] = value
        since, until = given.get("since"), given.get("until")
        if isinstance(since, datetime) and isinstance(until, datetime):
            Period(since, until)
        return [_literal(binding, given) for binding in self.bindings]


def names() -> tuple[str, ...]:
    """The names of all reports, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.sql")))


def load(name: str) -> Report:
    """The report of that name.

    Raises:
        ValueError: there is none; the message says which there are.

    >>> load("top_authors").parameters[2].maximum
    1000
    """
    there = names()
    if name not in there:
        close = difflib.get_close_matches(name, there, n=1)
        meant = f"did you mean {close[0]}? " if close else ""
        raise ValueError(f"no report {name!r}; {meant}there are {', '.join(there)}")
    return parse(name, (_FOLDER / f"{name}.sql").read_text(encoding="utf-8"))


def run(
    report: Report, values: Mapping[str, ParameterValue], engine: Engine, *, database: str, workgroup: str
) -> Answer:
    """The report's answer for these values.

    Raises:
        ValueError: the values do not fit; see :meth:`Report.literals`.
        EngineError: the query gave no answer.
    """
    return engine.run(report.sql, report.literals(values), database=database, workgroup=workgroup)


def parse(name: str, text: str) -> Report:
    """The report that a file's text describes.

    Raises:
        ValueError: a header that is not of the form, or does not fit the statement; the message names the line.
    """
    header: dict[str, list[str]] = {key: [] for key in ("title", "question", "note", "parameter", "column", "bind")}
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.startswith("--"):
            body.append(line)
            continue
        key, colon, value = line[2:].strip().partition(":")
        if body or not colon or key not in header:
            raise ValueError(f"{name}.sql line {number}: allowed above the statement: -- {' | '.join(header)}: ...")
        header[key].append(value.strip())
    sql = "\n".join(body).strip()
    if not (len(header["title"]) == len(header["question"]) == len(header["bind"]) == 1) or not _NAME.match(name):
        raise ValueError(f"{name}.sql: it takes a plain name, and one title, one question and one bind")
    report = Report(
        name=name,
        title=header["title"][0],
        question=header["question"][0],
        notes=" ".join(header["note"]),
        parameters=tuple(_parameter(name, line) for line in header["parameter"]),
        columns=_columns(name, header["column"]),
        bindings=tuple(part.strip() for part in header["bind"][0].split(",")),
        sql=sql,
    )
    known = {parameter.name for parameter in report.parameters}
    for binding in report.bindings:
        if not (found := _BINDING.match(binding)) or (found[2] or found[3]) not in known:
            raise ValueError(f"{name}.sql: bind {binding!r} is no parameter, first_day(one) or last_day(one)")
    marks = _QUOTED.sub("", sql).count("?")
    if marks != len(report.bindings):
        raise ValueError(f"{name}.sql: {marks} question marks in the statement, {len(report.bindings)} values to bind")
    return report


def _parameter(report: str, line: str) -> ReportParameter:
    name, kind, default, meaning = _cells(report, line, 4)
    if kind == "timestamp" and default == "required":
        return ReportParameter(name=name, type="timestamp", meaning=meaning)
    bounds = _INTEGER.match(kind)
    if not bounds:
        raise ValueError(f"{report}.sql: parameter {name}: type {kind!r}; allowed: timestamp, integer LOW to HIGH")
    found = ReportParameter(
        name=name,
        type="integer",
        minimum=int(bounds[1]),
        maximum=int(bounds[2]),
        default=None if default == "required" else int(default),
        meaning=meaning,
    )
    if found.default is not None:
        found.check(found.default)
    return found


def _columns(report: str, lines: list[str]) -> tuple[ReportColumn, ...]:
    columns: list[ReportColumn] = []
    for line in lines:
        name, unit, meaning = _cells(report, line, 3)
        if name == "..." and columns:
            before = columns.pop()
            columns.append(ReportColumn(before.name, before.unit, f"{before.meaning} {meaning}"))
        else:
            columns.append(ReportColumn(name, unit, meaning))
    return tuple(columns)


def _cells(report: str, line: str, count: int) -> list[str]:
    cells = [cell.strip() for cell in line.split("|")]
    if len(cells) != count:
        raise ValueError(f"{report}.sql: {line!r} has {len(cells)} parts between |, {count} are wanted")
    return cells


def _literal(binding: str, given: Mapping[str, ParameterValue]) -> str:
    found = _BINDING.match(binding)
    if found is None:
        raise ValueError(f"{binding!r} binds nothing")
    value = given[found[2] or found[3]]
    if isinstance(value, int):
        return integer_literal(value)
    match found[1]:
        case "first_day":
            return day_literal(value)
        case "last_day":
            # The period ends before this moment: when that is a midnight, the day it begins is not part of it.
            return day_literal(value - timedelta(milliseconds=1))
    return timestamp_literal(value)
