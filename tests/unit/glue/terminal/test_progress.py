"""How far a command is, on standard error."""

import os
import pty
import subprocess
import sys

import pytest

from glue.terminal.progress import LINES_EVERY, progress


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("reading", 10, unit="files") as advance:
        advance(5, "a.csv")
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_a_line_comes_now_and_then_when_there_is_a_clock(capsys: pytest.CaptureFixture[str]) -> None:
    time = Time()
    with progress("flushing", 5000, unit="records", clock=time) as advance:
        for done in range(0, 5000, 100):
            time.now += LINES_EVERY / 20
            advance(done, "segment 3" if done > 2500 else "")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "flushing: 1,900/5,000 records",
        "flushing: 3,900/5,000 records, segment 3",
    ]


def test_a_total_may_become_known_later(capsys: pytest.CaptureFixture[str]) -> None:
    time = Time()
    with progress("writing", unit="files", clock=time) as advance:
        advance(1)
        time.now += LINES_EVERY
        advance(2, total=7)
        time.now += LINES_EVERY
        advance(3)
    assert capsys.readouterr().err.splitlines() == ["writing: 2/7 files", "writing: 3/7 files"]


def test_on_a_terminal_there_is_a_bar_and_standard_output_stays_clean() -> None:
    code = (
        "from glue.terminal.progress import progress\n"
        "with progress('reading', 4, unit='files') as advance:\n"
        "    advance(3, '[bold]a.csv')\n"
        "print('answer')\n"
    )
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=slave, check=True, env=environment
    )
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert done.stdout == b"answer\n"
    assert "3/4 files" in shown
    # What is shown of a file's name is shown as it is.
    assert "[bold]a.csv" in shown
