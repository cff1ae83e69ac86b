"""Cases: texts, and what a policy must say to them. The tests of those who write policies."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct
from msgspec.structs import replace

from consumers.batch import Batch, Record
from consumers.moderation.moderator import Finding, Moderator
from consumers.rows import RowMaker
from glue.codec import Lateness, encode, landed_timestamp
from glue.contract import ContentEvent
from glue.terminal.yaml_errors import yaml_problem

_KEYS = frozenset(
    {
        "text",
        "action",
        "labels",
        "rules",
        "excerpt",
        "surface",
        "language",
        "author",
        "note",
        "times",
        "authors",
        "every",
    }
)
_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
_MOST_TIMES = 10_000
_MOST_SECONDS = 86_400.0


class CaseError(ValueError):
    """A file of cases that is not one; the message names the file, the case and what is allowed."""


class Case(Struct, frozen=True, kw_only=True):
    """One text and what is expected. What is None is not looked at.

    Args:
        place: file and number, for people.
        text: what was posted.
        action: allow, flag, review or block.
        labels: strictest first.
        rules: sorted.
        excerpt: what may be shown of it.
        surface, language, author: where, in which language and by whom; surface is ``comment`` unless given.
        times: how often it is posted, all in one batch; ``{number}`` in the text then counts. The case is about each.
        authors: by how many authors in turns.
        every: seconds between two of them.
        line: where in the file it begins; 0 when that is not known.
    """

    place: str
    text: str
    action: str
    labels: tuple[str, ...] | None = None
    rules: tuple[str, ...] | None = None
    excerpt: str | None = None
    surface: str = "comment"
    language: str | None = None
    author: str | None = None
    times: int = 1
    authors: int = 1
    every: float = 0.0
    line: int = 0


class Outcome(Struct, frozen=True):
    """What became of a case: for each thing that differs, what was expected and what the policy said."""

    case: Case
    differs: dict[str, tuple[Any, Any]]

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return not self.differs


def read_cases(path: Path) -> tuple[str, list[Case]]:
    """The policy that a file of cases names, and its cases.

    Raises:
        CaseError: it is no such file.
    """
    try:
        text = path.read_text("utf-8")
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise CaseError(f"{path} is not YAML: {yaml_problem(error)}") from None
    except UnicodeDecodeError as error:
        raise CaseError(f"{path} is not UTF-8: byte {error.start} is {error.object[error.start]:#04x}") from None
    if not isinstance(document, dict) or not isinstance(document.get("cases"), list):
        raise CaseError(f"{path}: allowed: a mapping with `policy` and a list `cases`")
    named = str(document.get("policy", "default"))
    lines = _lines(text)
    cases = [_case(f"{path}#{number}", one) for number, one in enumerate(document["cases"], start=1)]
    return named, [replace(case, line=line) for case, line in zip(cases, lines, strict=True)]


def _lines(text: str) -> list[int]:
    """The line that each case begins on."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    assert node is not None  # noqa: S101 - the text was read before
    cases = next(value for key, value in node.value if key.value == "cases")
    return [case.start_mark.line + 1 for case in cases.value]


def _case(place: str, given: object) -> Case:
    if not isinstance(given, dict) or not isinstance(given.get("text"), str) or "action" not in given:
        raise CaseError(
            f"{place}: allowed: a mapping with text and action at least, text in quotes where YAML needs it"
        )
    if unknown := sorted(set(map(str, given)) - _KEYS):
        raise CaseError(f"{place}: unknown {', '.join(unknown)}; allowed: {', '.join(sorted(_KEYS))}")
    times, authors, every = given.get("times", 1), given.get("authors", 1), given.get("every", 0.0)
    if not _is_whole(times, _MOST_TIMES) or not _is_whole(authors, _MOST_TIMES):
        raise CaseError(f"{place}: times {times}, authors {authors}; allowed: whole numbers from 1 to {_MOST_TIMES}")
    if isinstance(every, bool) or not isinstance(every, int | float) or not 0 <= every * times <= _MOST_SECONDS:
        raise CaseError(f"{place}: every {every}, {times} times; allowed: seconds from 0, all within a day")
    return Case(
        place=place,
        text=given["text"],
        action=str(given["action"]),
        labels=None if given.get("labels") is None else tuple(given["labels"]),
        rules=None if given.get("rules") is None else tuple(sorted(given["rules"])),
        excerpt=given.get("excerpt"),
        surface=str(given.get("surface", "comment")),
        language=given.get("language"),
        author=given.get("author"),
        times=times,
        authors=authors,
        every=float(every),
    )


def _is_whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


def run(moderator: Moderator, cases: Iterable[Case]) -> Iterator[Outcome]:
    """What becomes of each case."""
    for case in cases:
        if case.times > 1:
            each = (_differing(case, said) for said in _in_a_batch(moderator, case))
            yield Outcome(case, next(filter(None, each), {}))
            continue
        finding = moderator.judge(case.text, surface=case.surface, language=case.language, author_id=case.author)
        yield Outcome(case, _differences(case, finding))


def rules_of(finding: Finding) -> tuple[str, ...]:
    """The rules that found something, sorted."""
    return tuple(sorted({signal.rule for signal in finding.signals}))


def _differences(case: Case, finding: Finding) -> dict[str, tuple[Any, Any]]:
    said = {
        "action": finding.decision.action,
        "labels": finding.decision.labels,
        "rules": rules_of(finding),
        "excerpt": finding.excerpt,
    }
    return _differing(case, said)


def _differing(case: Case, said: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {
        name: (wanted, said[name])
        for name, wanted in (
            ("action", case.action),
            ("labels", case.labels),
            ("rules", case.rules),
            ("excerpt", case.excerpt),
        )
        if wanted is not None and wanted != said[name]
    }


def _in_a_batch(moderator: Moderator, case: Case) -> Iterator[dict[str, Any]]:
    """What the policy says to each of a case's posts, all in one batch."""
    arrived = _BEGIN + timedelta(days=1)
    records = []
    for number in range(1, case.times + 1):
        event = ContentEvent(
            event_id=f"00000000-0000-7000-8000-{number:012d}",
            content_id=f"content-{number}",
            author_id=case.author or f"author-{number % case.authors}",
            surface=case.surface,
            created_at=_BEGIN + timedelta(seconds=number * case.every),
            text=case.text.replace("{number}", str(number)),
            language=case.language,
        )
        record = Record(number, encode(event), arrived, landed_timestamp(arrived), "shard", str(number), 0, "key")
        records.append(record)
    rows = RowMaker(moderator, Lateness(), code_version="").make(Batch(records, [], []), arrived)
    for bad in rows.bad:
        yield {"action": f"no event: {bad.reason}", "labels": (), "rules": (), "excerpt": ""}
    for row in rows.verdicts:
        rules = tuple(sorted({signal.rule for signal in row.signals}))
        yield {"action": row.action, "labels": row.labels, "rules": rules, "excerpt": row.excerpt}
