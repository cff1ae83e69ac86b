"""The reports: SQL files that say in their header what they answer, what they take and what their columns are."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from athena.engine import Answer, Engine
from athena.values import day_literal, integer_literal, text_literal, timestamp_literal
from glue.catalog.tables import CURRENT_VERDICTS
from glue.terminal.moments import Period

__all__ = [
    "Binding",
    "ParameterValue",
    "Report",
    "ReportColumn",
    "ReportParameter",
    "load",
    "names",
    "parse",
    "run",
]


ParameterValue = datetime | int | str
_FOLDER = Path(__file__).parent / "reports"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_INTEGER = re.compile(r"integer (-?[0-9]+) to (-?[0-9]+)\Z")
_CHOICE = re.compile(r"one of ([a-z_]+(?:, [a-z_]+)+)\Z")
_MOMENT = r"previous\((?P<previous>[a-z_]+)\)|(?P<name>[a-z_]+)(?: - (?P<days>[0-9]{1,3})d)?"
_BINDING = re.compile(rf"(?P<day>first_day|last_day)\((?:{_MOMENT})\)\Z|(?:{_MOMENT.replace('P<', 'P<bare_')})\Z")
_HEADER = ("title", "question", "note", "reads", "parameter", "filters", "column", "bind")
_PLACE = re.compile(r"\{([a-z_]+)\}")
_NOT_BOUND = "{name}.sql: bind {text!r} is not a parameter, first_day(one) or last_day(one)"
FILTERS = {
    "surface": ("surface = ?", "only what was posted there"),
    "language": ("language = ?", "only what is in this language"),
    "label": ("contains(labels, ?)", "only what carries this label"),
    "action": ("action = ?", "only what this was done with: allow, flag, review or block"),
    "rule": ("any_match(signals, signal -> signal.rule = ?)", "only what this rule found something in"),
    "author": ("author_id = ?", "only what this author posted"),
}
"""What reports may be narrowed down to: the condition, and what it means. A text that is empty narrows nothing."""

TEXT_LIMIT = 256
"""Characters of a text parameter."""
_MARK = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\?")
"""A question mark, or what is quoted, in which one means nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportParameter:
    """One parameter: its name, its type with what it allows, and what it means.

    Args:
        type: ``timestamp``; ``integer``; ``text``, of which the empty one asks for everything; or ``choice``, one of
            ``options``, which is the only thing that is ever written into a statement.
        minimum, maximum: of an integer.
        options: of a choice.
        default: what holds when none is given; None when one must be given.
    """

    name: str
    type: str
    minimum: int | None = None
    maximum: int | None = None
    options: tuple[str, ...] = ()
    default: int | str | None = None
    meaning: str = ""

    @property
    def allowed(self) -> str:
        """What it takes, in words.

        >>> load("top_authors").parameters[2].allowed
        '1 to 1000'
        """
        match self.type:
            case "integer":
                return f"{self.minimum} to {self.maximum}"
            case "choice":
                return ", ".join(self.options)
            case "text":
                return f"a text of at most {TEXT_LIMIT} characters"
        return "a moment"

    def read(self, text: str) -> int | str:
        """The value that a text gives.

        Raises:
            ValueError: not a whole number, out of bounds, not among the options, too long, or a timestamp's.
        """
        if self.type == "timestamp":
            raise ValueError(f"{self.name} is a {self.type}; give it by --{self.name}")
        value: int | str = text
        if self.type == "integer":
            if not re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
                raise ValueError(f"{self.name}={text!r} is not a whole number; allowed: {self.allowed}")
            value = int(text)
        self.check(value)
        return value

    def check(self, value: ParameterValue) -> None:
        """Nothing, when the value may stand for this parameter.

        Raises:
            ValueError: it is out of bounds.
            TypeError: it is of another type.
        """
        wanted = {"timestamp": datetime, "integer": int}.get(self.type, str)
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise TypeError(f"{self.name} takes {self.type}, not {type(value).__name__}")
        if isinstance(value, int):
            low, high = self.minimum, self.maximum
            if (low is not None and value < low) or (high is not None and value > high):
                raise ValueError(f"{self.name}={value} is out of bounds; allowed: {self.allowed}")
        elif isinstance(value, str):
            if self.type == "choice" and value not in self.options:
                raise ValueError(f"{self.name}={value[:40]!r} is none of its choices; allowed: {self.allowed}")
            if len(value) > TEXT_LIMIT:
                raise ValueError(f"{self.name} has {len(value)} characters; allowed: {self.allowed}")


@dataclass(frozen=True, slots=True)
class ReportColumn:
    """One column of the answer: its name, its unit (empty for words) and what it holds."""

    name: str
    unit: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Binding:
    """What stands for one ``?``.

    Args:
        name: of the parameter.
        day: ``first_day``, ``last_day``, or neither.
        previous: whether the period before is meant.
        days: how many are taken off.
    """

    name: str
    day: str = ""
    previous: bool = False
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report as its file gives it.

    Args:
        reads: the table or view that it asks.
        bindings: what goes into the ``?`` of the SQL, in order. The header has a parameter's name, ``first_day(name)``,
            or ``last_day(name)`` for the last day that has a moment before that parameter. For the name of a moment
            there may be ``name - 28d``, or ``previous(since)``: where a period as long, just before this one, begins.
        sql: the statement, without its header. Values reach it by ``?`` only; ``{name}`` stands for the option chosen.
    """

    name: str
    title: str
    question: str
    notes: str
    reads: str
    parameters: tuple[ReportParameter, ...]
    columns: tuple[ReportColumn, ...]
    bindings: tuple[Binding, ...]
    sql: str

    def literals(self, values: Mapping[str, ParameterValue]) -> list[str]:
        """The execution parameters for these values, in the order of the ``?``.

        Raises:
            ValueError: a parameter that is unknown, missing or out of bounds, or an empty period.
        """
        given = self._given(values)
        return [_literal(binding, given) for binding in self.bindings]

    def statement(self, values: Mapping[str, ParameterValue]) -> str:
        """The statement, with the options that were chosen.

        Raises:
            ValueError: as :meth:`literals`.
        """
        return self.with_options(self._given(values))

    def with_options(self, options: Mapping[str, ParameterValue]) -> str:
        """The statement with these options, which were checked, in their places."""
        return _PLACE.sub(lambda place: str(options[place[1]]), self.sql)

    def with_expressions(self, options: Mapping[str, ParameterValue], expressions: Sequence[str]) -> str:
        """The statement with these options, and with an expression for each ``?``, in order."""
        coming = iter(expressions)
        return _MARK.sub(lambda found: next(coming) if found[0] == "?" else found[0], self.with_options(options))

    def _given(self, values: Mapping[str, ParameterValue]) -> dict[str, ParameterValue]:
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
        return given


def names() -> tuple[str, ...]:
    """The names of all reports, sorted."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.sql")))


def every(folder: Path | None = None) -> tuple[list[Report], dict[str, str]]:
    """All reports that can be read, and of each other one why not, by its name.

    Args:
        folder: of ``NAME.sql`` files; None takes those that come along.
    """
    found: list[Report] = []
    unreadable: dict[str, str] = {}
    for path in sorted((folder or _FOLDER).glob("*.sql")):
        try:
            found.append(parse(path.stem, path.read_text(encoding="utf-8")))
        except (ValueError, OSError) as error:
            unreadable[path.stem] = str(error)
    return found, unreadable


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
    return engine.run(report.statement(values), report.literals(values), database=database, workgroup=workgroup)


def parse(name: str, text: str) -> Report:
    """The report that a file's text describes.

    Raises:
        ValueError: a header that is not of the form, or does not fit the statement; the message names the line.
    """
    header: dict[str, list[str]] = {key: [] for key in _HEADER}
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
    filters = [one.strip() for line in header["filters"] for one in line.split(",")]
    if unknown := sorted(set(filters) - FILTERS.keys()):
        raise ValueError(f"{name}.sql: filters {', '.join(unknown)}; allowed: {', '.join(FILTERS)}")
    bindings = [part.strip() for part in ",".join(header["bind"]).split(",") if part.strip()]
    if filters:
        conditions = [f"(? = '' OR {FILTERS[one][0]})" for one in filters]
        sql = re.sub(
            r"^( *)AND \{filters\}", lambda at: "\n".join(f"{at[1]}AND {one}" for one in conditions), sql, flags=re.M
        )
        twice = [one for one in filters for _ in range(2)]
        bindings = [one for part in bindings for one in (twice if part == "filters" else [part])]
    if not (len(header["title"]) == len(header["question"]) == 1 and header["bind"]) or not _NAME.match(name):
        raise ValueError(f"{name}.sql: it takes a plain name, and one title, one question and one bind")
    report = Report(
        name=name,
        title=header["title"][0],
        question=header["question"][0],
        notes=" ".join(header["note"]),
        reads=header["reads"][0] if header["reads"] else CURRENT_VERDICTS,
        parameters=(
            *(_parameter(name, line) for line in header["parameter"]),
            *(ReportParameter(name=one, type="text", default="", meaning=FILTERS[one][1]) for one in filters),
        ),
        columns=_columns(name, header["column"]),
        bindings=tuple(_binding(name, text) for text in bindings),
        sql=sql,
    )
    known = {parameter.name for parameter in report.parameters}
    for text, binding in zip(bindings, report.bindings, strict=True):
        if binding.name not in known:
            raise ValueError(_NOT_BOUND.format(name=name, text=text))
    marks = _MARK.findall(sql).count("?")
    if marks != len(report.bindings):
        raise ValueError(f"{name}.sql: {marks} question marks in the statement, {len(report.bindings)} values to bind")
    choices = {parameter.name for parameter in report.parameters if parameter.type == "choice"}
    if (places := set(_PLACE.findall(sql))) != choices:
        raise ValueError(f"{name}.sql: {{places}} {sorted(places)} in the statement, {sorted(choices)} to choose")
    return report


def _parameter(report: str, line: str) -> ReportParameter:
    name, kind, default, meaning = _cells(report, line, 4)
    if kind == "timestamp" and default == "required":
        return ReportParameter(name=name, type="timestamp", meaning=meaning)
    if kind == "text" and not default:
        return ReportParameter(name=name, type="text", default="", meaning=meaning)
    if choice := _CHOICE.match(kind):
        chosen = ReportParameter(
            name=name, type="choice", options=tuple(choice[1].split(", ")), default=default, meaning=meaning
        )
        chosen.check(default)
        return chosen
    bounds = _INTEGER.match(kind)
    if not bounds:
        raise ValueError(
            f"{report}.sql: parameter {name}: type {kind!r}; allowed: timestamp, integer LOW to HIGH, text, one of ..."
        )
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


def _binding(report: str, text: str) -> Binding:
    """What a binding in a report's header means.

    >>> _binding("spikes", "first_day(since - 28d)")
    Binding(name='since', day='first_day', previous=False, days=28)
    """
    found = _BINDING.match(text)
    if found is None:
        raise ValueError(_NOT_BOUND.format(name=report, text=text))
    before = found["previous"] or found["bare_previous"]
    days = int(found["days"] or found["bare_days"] or 0)
    return Binding(before or found["name"] or found["bare_name"], found["day"] or "", bool(before), days)


def _literal(bound: Binding, given: Mapping[str, ParameterValue]) -> str:
    value = given[bound.name]
    if isinstance(value, int):
        return integer_literal(value)
    if isinstance(value, str):
        return text_literal(value)
    if bound.previous:
        since, until = given["since"], given["until"]
        if isinstance(since, datetime) and isinstance(until, datetime):
            value -= until - since
    value -= timedelta(days=bound.days)
    match bound.day:
        case "first_day":
            return day_literal(value)
        case "last_day":
            # The period ends before this moment: when that is a midnight, the day it begins is not part of it.
            return day_literal(value - timedelta(milliseconds=1))
    return timestamp_literal(value)
