"""The fences hold: what a check is said to refuse is planted, and refused."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIGURATION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PURE = next(one for one in CONFIGURATION["tool"]["importlinter"]["contracts"] if one["id"] == "pure")

PLANTS = {
    "a clock": "from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n",
    "a clock by its module": "import datetime\n\nNOW = datetime.datetime.now(datetime.UTC)\n",
    "a naive clock": "from datetime import datetime\n\nNOW = datetime.utcnow()\n",
    "a day": "from datetime import date\n\nTODAY = date.today()\n",
    "seconds": "import time\n\nNOW = time.time()\n",
    "seconds under another name": "from time import time as seconds\n\nNOW = seconds()\n",
    "an id": "from uuid import uuid4\n\nID = str(uuid4())\n",
    "an id by its module": "import uuid\n\nID = str(uuid.uuid4())\n",
    "an id in order of time": "from uuid import uuid7\n\nID = str(uuid7())\n",
    "chance": "import random\n\nCHANCE = random.random()\n",
    "the environment": "import os\n\nHOME = os.environ['HOME']\n",
}


def refusals(place: str, text: str) -> set[str]:
    """The codes of what ruff refuses in a text that stood in this place."""
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format", "concise"]
    done = subprocess.run(
        [*command, "--stdin-filename", place, "-"], input=text, capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    return {line.split()[1] for line in done.stdout.splitlines() if line.startswith(place)}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_what_is_not_pure_is_refused_where_decisions_are_made(plant: str) -> None:
    place = "consumers/moderation/decide.py"
    sound = (ROOT / place).read_text("utf-8")
    assert "TID251" not in refusals(place, sound)
    assert "TID251" in refusals(place, f"{sound}\n\n{plant}")


def files_of(module: str) -> list[str]:
    """The files of a module or package."""
    path = ROOT / module.replace(".", "/")
    found = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    return [str(one.relative_to(ROOT)) for one in found]


def test_no_module_that_is_called_pure_may_ask_for_the_time() -> None:
    ignores = CONFIGURATION["tool"]["ruff"]["lint"]["per-file-ignores"]
    allowed = [pattern for pattern, codes in ignores.items() if "TID251" in codes]
    edges: set[str] = set()
    for pattern in allowed:
        for plain in _plain(pattern):
            assert list(ROOT.glob(plain)), f"{plain} allows what is not there"
            edges |= {str(one.relative_to(ROOT)) for one in ROOT.glob(plain)}
    pure = {place for module in PURE["source_modules"] for place in files_of(module)}
    assert len(pure) > 80
    assert pure & edges == set()


def _plain(pattern: str) -> list[str]:
    """A pattern of ruff's as those that pathlib knows."""
    before, brace, rest = pattern.partition("{")
    if not brace:
        return [pattern]
    inside, _, after = rest.partition("}")
    return [f"{before}{one}{after}" for one in inside.split(",")]


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_types_are_checked_everywhere(folder: str) -> None:
    assert folder in CONFIGURATION["tool"]["mypy"]["files"]
