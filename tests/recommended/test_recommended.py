"""Every command that the demo and the README recommend, run as a reader would, on the lake that the demo made."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from infra.commands.demo import DATA, TO_TRY_NEXT

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PROGRAM = [sys.executable, "-m", "infra"]
POSTS = "user,body\nann,hello there\nbob,you are an idiot\ncat,free money click here now\n"


def code_blocks(language: str) -> list[str]:
    """The README's code blocks of a language; of none when it is empty."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every line of the README and of the demo that runs the program."""
    lines = [line for block in code_blocks("") for line in block.splitlines()]
    found = [line.format(data=DATA) for line in TO_TRY_NEXT] + lines
    return [line.removeprefix(".venv/bin/") for line in found if re.match(r"(\.venv/bin/)?streamkeeper ", line)]


SERVERS = {"up", "dashboard"}
COMMANDS = [line for line in commands() if shlex.split(line, comments=True)[1] not in SERVERS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader works: with the demo's lake and two files of posts."""
    assert (ROOT / DATA).is_dir(), f"{DATA} is not there; run `make demo` first"
    made = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / DATA, made / DATA)
    (made / "posts.csv").write_text(POSTS, "utf-8")
    posts = [{"author_id": "ann", "body": f"hello {n}", "created_at": f"2020-09-13T12:26:{n:02d}Z"} for n in range(50)]
    (made / "your.jsonl").write_text("".join(json.dumps(post) + "\n" for post in posts), "utf-8")
    return made


@pytest.fixture(scope="module")
def environment(folder: Path) -> Iterator[Mapping[str, str]]:
    """What a reader pastes from `streamkeeper up`, which runs meanwhile."""
    command = [*PROGRAM, "up", "--data", str(DATA), "--port", "0", "--json"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True, env=plain()) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        yield plain() | {
            "AWS_ENDPOINT_URL": ready["endpoint_url"],
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": ready["region"],
            "AWS_REGION": ready["region"],
        }
        process.send_signal(signal.SIGINT)
        assert process.wait(600) == 0


def plain() -> dict[str, str]:
    """The environment without anything of AWS, and with this checkout first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "STREAMKEEPER_"))}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"}


def run(line: str, folder: Path, environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    arguments = shlex.split(line, comments=True)[1:]
    return subprocess.run(
        [*PROGRAM, *arguments], cwd=folder, env=dict(environment), capture_output=True, text=True, check=False
    )


def test_there_is_something_to_run() -> None:
    assert {shlex.split(line)[1] for line in COMMANDS} >= {"audit", "report", "query", "produce"}
    assert len(code_blocks("python")) == 1


@pytest.mark.parametrize("line", COMMANDS)
def test_a_recommended_command_answers(line: str, folder: Path, environment: Mapping[str, str]) -> None:
    done = run(line, folder, environment)
    assert "Traceback" not in done.stderr
    if " audit " in line and "--settle" not in line:
        # What a reader has just sent is too young to be judged, and the command says so.
        assert (done.returncode, "nothing to judge yet" in done.stdout) == (6, True), done.stdout + done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip()


def test_the_audit_agrees_with_a_count_of_ids(folder: Path, environment: Mapping[str, str]) -> None:
    done = run("streamkeeper audit --settle 0 --json", folder, environment)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["is_clean"] is True


def test_the_dashboard_comes_up_and_answers(folder: Path, environment: Mapping[str, str]) -> None:
    command = [*PROGRAM, "dashboard", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, env=dict(environment), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(found[0] for line in process.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+/", line)))
        with urllib.request.urlopen(address, timeout=600) as answer:  # our own address
            page = answer.read().decode()
        process.send_signal(signal.SIGINT)
        process.wait(600)
    assert answer.status == 200
    assert "<table" in page


def test_the_python_of_the_readme_runs(folder: Path, environment: Mapping[str, str]) -> None:
    [code] = code_blocks("python")
    shown = code.replace("wr.athena.read_sql_query(", "print(wr.athena.read_sql_query(", 1).rstrip() + ")\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", shown],
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "allow" in done.stdout
