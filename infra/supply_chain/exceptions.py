"""What the tools find and we keep, each with its reason, in ``exceptions.toml``; a needless one is a finding."""

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

FILE = Path(__file__).parent / "exceptions.toml"
KEYS = {"rule", "where", "reason"}


@dataclass(frozen=True)
class Kept:
    """A ``rule`` of a tool that does not count ``where`` (a pattern with ``*``), for a ``reason``."""

    rule: str
    where: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """What a tool found: its ``rule``, ``where``, and what it says."""

    rule: str
    where: str
    said: str

    def __str__(self) -> str:
        return f"{self.rule} {self.where}: {self.said}"


def read(tool: str, text: str | None = None) -> list[Kept]:
    """The exceptions of a tool.

    Raises:
        ValueError: one without a rule, a place or a reason of at least four words.

    >>> read("bandit", '[[bandit]]\\nrule = "B101"\\nwhere = "*"\\nreason = "said to the type checker only"')[0].rule
    'B101'
    """
    found = []
    for one in tomllib.loads(FILE.read_text("utf-8") if text is None else text).get(tool, []):
        if set(one) != KEYS or len(one["reason"].split()) < 4:
            raise ValueError(
                f"exceptions.toml, {tool}: received {one}; allowed: rule, where, and a reason of four words or more"
            )
        found.append(Kept(**one))
    return found


def left(findings: list[Finding], exceptions: list[Kept]) -> list[str]:
    """What stays when the exceptions are taken out, and each exception that took out nothing.

    >>> left([Finding("B101", "a.py:1", "assert")], [Kept("B101", "b.py*", "it is a test")])
    ['B101 a.py:1: assert', 'exceptions.toml: B101 at b.py* is found nowhere any more; take it out']
    """

    def covers(one: Kept, finding: Finding) -> bool:
        return one.rule == finding.rule and fnmatchcase(finding.where, one.where)

    stay = [str(finding) for finding in findings if not any(covers(one, finding) for one in exceptions)]
    unused = [one for one in exceptions if not any(covers(one, finding) for finding in findings)]
    return stay + [
        f"exceptions.toml: {one.rule} at {one.where} is found nowhere any more; take it out" for one in unused
    ]
