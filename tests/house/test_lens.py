"""docs/well-architected.md: every question of the lens has one row, and what a row points at is there."""

import re
from collections.abc import Iterator

import pytest

from infra.commands import COMMANDS
from infra.local.cloudformation.provision import read_template
from tests.house.wiring_rules import ROOT

PAGE = (ROOT / "docs" / "well-architected.md").read_text("utf-8")
QUESTIONS = {"SERVOPS": 2, "SERVSEC": 7, "SERVREL": 5, "SERVPER": 6, "SERVCOST": 4}
MADE = {"sbom.cdx.json"}
"""What a command makes."""


def test_each_question_has_one_row() -> None:
    rows = re.findall(r"^\| ([A-Z]+ \d+):", PAGE, flags=re.M)
    assert rows == [f"{name} {number}" for name, most in QUESTIONS.items() for number in range(1, most + 1)]


def _pointed_at() -> Iterator[str]:
    yield from re.findall(r"`([^`\n]+)`", PAGE)
    yield from (f"docs/{target.partition('#')[0]}" for target in re.findall(r"\]\(([^)]+)\)", PAGE))


@pytest.mark.parametrize("named", sorted(set(_pointed_at())))
def test_what_a_row_names_is_there(named: str) -> None:
    first, _, rest = named.partition(" ")
    if first == "make":
        assert re.search(rf"^{rest}:", (ROOT / "Makefile").read_text("utf-8"), flags=re.M)
    elif first in ("streamkeeper", "up"):
        assert (rest.split()[0] if first == "streamkeeper" else first) in COMMANDS
    elif named in COMMANDS or named in read_template()["Parameters"]:
        return
    else:
        assert first == "sam" or named in MADE or (ROOT / named).exists()
