"""``up --detach``, ``status``, ``drain`` and ``down``, as a user types them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.until import until


class Shell:
    """Types commands; its runtimes are found by no other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "XDG_STATE_HOME": str(folder / "state"),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def __call__(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "infra", *arguments],
            check=False,
            capture_output=True,
            text=True,
            env={**self.environment, **more},
            timeout=600,
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json").stdout)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    yield made
    made("down", "--all")


def test_a_detached_runtime_is_found_asked_drained_and_stopped(shell: Shell) -> None:
    data = shell.folder / "data"
    ready = shell.json("up", "--detach", "--port", "0", "--data", str(data), "--parameter", "ShardCount=2")
    assert ready["outputs"]["ContentStreamName"].startswith("streamkeeper-ContentStream-")

    status = shell.json("status")
    assert status["process"]["data"] == str(data)
    assert [len(mapping["shards"]) for mapping in status["mappings"].values()] == [2, 2]
    assert shell("status").returncode == 0

    produced = shell("produce", "--synthetic", "300", AWS_ENDPOINT_URL=ready["endpoint_url"])
    assert produced.returncode == 0, produced.stderr
    drained = shell.json("drain", "--timeout", "500")
    assert drained["drained"] is True
    streams = drained["state"]["delivery_streams"]
    assert streams["streamkeeper-verdicts"]["rows_out"] + streams["streamkeeper-quarantine"]["rows_out"] == 300

    rows = [json.loads(line) for line in shell("tail", "--no-follow", "--lines", "5", "--json").stdout.splitlines()]
    assert len(rows) == 5
    assert all(row["verdict_id"] for row in rows)
    assert rows[-1]["action"] in shell("tail", "--no-follow", "--lines", "1").stdout
    wrong = shell("tail", "nowhere", "--no-follow")
    assert wrong.returncode == 2
    assert "streamkeeper-quarantine" in wrong.stderr
    assert "nothing waits" in shell("explain", AWS_ENDPOINT_URL=ready["endpoint_url"]).stdout
    logged = shell("logs", "--json", AWS_ENDPOINT_URL=ready["endpoint_url"])
    assert logged.returncode == 0, logged.stderr
    assert all(json.loads(line)["stream"] for line in logged.stdout.splitlines())

    again = shell("up", "--detach", "--port", ready["endpoint_url"].rpartition(":")[2])
    assert again.returncode == 1
    assert "a laptop runtime has it" in again.stderr
    other = shell("up", "--detach", "--port", "0", "--data", str(data))
    assert other.returncode == 5
    assert other.stderr.count("\n") == 1

    down = shell.json("down", "--data", str(data))
    assert [one["pid"] for one in down["stopped"]] == [status["process"]["pid"]]
    assert list((shell.folder / "state" / "streamkeeper").glob("*.json")) == []
    assert shell("status").returncode == 3
    assert shell("down").stdout == "no laptop runtime runs here\n"


def test_what_a_killed_runtime_left_is_cleared_and_its_records_are_there_again(shell: Shell) -> None:
    data = str(shell.folder / "data")
    ready = shell.json("up", "--detach", "--port", "0", "--data", data)
    shell("produce", "--synthetic", "50", AWS_ENDPOINT_URL=ready["endpoint_url"])
    pid = shell.json("status")["process"]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: shell("status").returncode == 3, "the runtime is gone")
    down = shell.json("down")
    assert [one["pid"] for one in down["cleared"]] == [pid]
    assert shell.json("down") == {"stopped": [], "killed": [], "cleared": []}

    shell.json("up", "--detach", "--port", "0", "--data", data)
    drained = shell.json("drain", "--timeout", "500")
    assert drained["drained"] is True
    assert shell("down").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("status",), 3, "streamkeeper up --detach"),
        (("drain",), 3, "streamkeeper up --detach"),
        (("status", "--port", "9"), 3, "does not answer"),
        (("drain", "--timeout", "-1"), 2, "-1"),
        (("tail",), 3, "streamkeeper up --detach"),
        (("up", "--detach", "--parameter", "ShardCount"), 2, "NAME=VALUE"),
        (("up", "--detach", "--parameter", "Nope=1"), 2, "Nope"),
    ],
)
def test_what_cannot_be_is_one_line_that_says_what_to_do(
    shell: Shell, arguments: tuple[str, ...], code: int, said: str
) -> None:
    answer = shell(*arguments)
    assert answer.returncode == code, answer.stderr
    assert said in answer.stderr.splitlines()[-1]
    assert "Traceback" not in answer.stderr


def test_a_server_that_is_no_runtime_is_told(shell: Shell) -> None:
    server = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(shell.folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert server.stdout is not None
    port = server.stdout.readline().split("port ")[1].split()[0]
    try:
        answer = shell("status", AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
    finally:
        server.kill()
        server.communicate()
    assert answer.returncode == 3
    assert "is no laptop runtime" in answer.stderr
