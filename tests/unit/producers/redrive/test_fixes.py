"""Fixes: a user's code in a process of its own, which may fail, hang or die for one record alone."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from producers.redrive.fixes import Fix, FixFailedError, PythonFix, UnusableFixError, open_fix
from tests.fakes.until import until


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "fix.py"


def test_a_python_fix_keeps_its_state_may_print_and_is_ended_with_its_threads(
    script: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    script.write_text(
        "import os, sys, threading\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "print('loaded', flush=True)\n"
        "calls = 0\n"
        "def fix(payload, reason):\n"
        "    global calls\n"
        "    calls += 1\n"
        "    print('noise', flush=True)\n"
        "    print('noise', file=sys.stderr, flush=True)\n"
        "    if reason == 'pid': return bytearray(b'%d' % os.getpid())\n"
        "    return None if reason == 'leave' else b'%d:' % calls + payload\n",
        "utf-8",
    )
    with PythonFix(script) as fix:
        assert fix(b"\x00\xff\n", "type") == b"1:\x00\xff\n"
        assert fix(b"b", "leave") is None
        assert fix(b"c", "type") == b"3:c"
        pid = int(fix(b"", "pid") or b"")
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    fix.close()
    assert capfd.readouterr() == ("", "")


def test_a_fix_that_raises_tells_its_type_and_line_and_nothing_of_the_payload(script: Path) -> None:
    script.write_text("def fix(payload, reason):\n    raise KeyError(payload)\n", "utf-8")
    with PythonFix(script) as fix, pytest.raises(FixFailedError) as failed:
        fix(b"secret", "type")
    assert str(failed.value) == "KeyError (line 2)"
    script.write_text("def fix(payload, reason):\n    raise SyntaxError('not Python')\n", "utf-8")
    with PythonFix(script) as fix, pytest.raises(FixFailedError) as failed:
        fix(b"secret", "type")
    assert str(failed.value) == "SyntaxError (line 2)"
    script.write_text("def fix(payload, reason):\n    return payload if payload else 'text'\n", "utf-8")
    with PythonFix(script) as fix:
        for _ in range(2):
            with pytest.raises(FixFailedError, match="gave str; allowed: bytes or None"):
                fix(b"", "type")
        assert fix(b"a", "type") == b"a"


class WhenHanging:
    """A time limit that runs out when the fix says that it hangs, however busy the machine is."""

    def __init__(self, hanging: Path, function: Callable[[], None]) -> None:
        self._hanging = hanging
        self._function = function
        self._cancelled = threading.Event()
        self._thread = threading.Thread(target=self._wait)

    def start(self) -> None:
        self._thread.start()

    def cancel(self) -> None:
        self._cancelled.set()
        self._thread.join()

    def _wait(self) -> None:
        until(lambda: self._hanging.exists() or self._cancelled.is_set(), "a fix that hangs")
        if self._hanging.exists():
            self._hanging.unlink()
            self._function()


class Limit:
    """A time limit that never runs out and remembers what was done with it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.done: list[str] = []

    def start(self) -> None:
        self.done.append("started")

    def cancel(self) -> None:
        self.done.append("cancelled")


def test_the_time_limit_of_a_call_ends_with_it(script: Path) -> None:
    script.write_text("def fix(payload, reason):\n    return payload\n", "utf-8")
    limits: list[Limit] = []

    def timer(seconds: float, function: Callable[[], None]) -> Limit:
        limits.append(Limit(seconds))
        return limits[-1]

    with PythonFix(script, seconds=3.0, timer=timer) as fix:
        assert [fix(b"a", "type"), fix(b"b", "type")] == [b"a", b"b"]
    assert [(one.seconds, one.done) for one in limits] == [(3.0, ["started", "cancelled"])] * 3


def test_a_fix_that_takes_too_long_or_ends_its_process_fails_for_that_record_alone(script: Path) -> None:
    hanging = script.with_name("hanging")
    script.write_text(
        "import os, pathlib, threading\n"
        "def fix(payload, reason):\n"
        "    if payload == b'slow':\n"
        f"        pathlib.Path({str(hanging)!r}).touch()\n"
        "        threading.Event().wait()\n"
        "    if payload == b'exit': os._exit(3)\n"
        "    return payload\n",
        "utf-8",
    )
    with PythonFix(script, timer=lambda _, function: WhenHanging(hanging, function)) as fix:
        for bad in (b"slow", b"exit"):
            with pytest.raises(FixFailedError, match="no answer within 10 s"):
                fix(bad, "type")
            assert fix(b"good", "type") == b"good"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def fix(:\n", r"SyntaxError while it was loaded \(line 1\)"),
        ("x = 1\nraise ValueError('no')\n", r"ValueError while it was loaded \(line 2\)"),
        ("import os\nos._exit(1)\n", "not loaded within 10 s, or its process ended"),
        ("def mend(payload, reason): ...\n", r"it has no function fix\(payload, reason\)"),
    ],
)
def test_a_fix_that_cannot_be_used_says_why(script: Path, text: str, said: str) -> None:
    script.write_text(text, "utf-8")
    with PythonFix(script) as fix:
        for _ in range(2):
            with pytest.raises(UnusableFixError, match=said):
                fix(b"", "type")


def test_a_folder_or_nothing_at_all_is_no_fix(tmp_path: Path) -> None:
    for script in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UnusableFixError, match="allowed: a Python file"):
            open_fix(script)


def test_the_seconds_given_are_those_of_either_kind_of_fix(script: Path, tmp_path: Path) -> None:
    script.write_text("import os\nos._exit(1)\n", "utf-8")
    with pytest.raises(UnusableFixError, match="not loaded within 7 s"):
        open_fix(script, seconds=7)(b"", "type")
    program = tmp_path / "fix"
    program.write_text("#!/bin/sh\nexec sleep 1000\n", "utf-8")
    program.chmod(0o700)
    with pytest.raises(FixFailedError, match="no answer within 1e-09 s"):
        open_fix(program, seconds=1e-9)(b"", "type")
    program.write_bytes(b"\0")
    with pytest.raises(UnusableFixError, match="OSError; allowed: a program that runs"):
        open_fix(program)(b"", "type")


def test_any_executable_may_be_a_fix(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "fix"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\ndata = sys.stdin.buffer.read()\n"
        "if data == b'bad': sys.exit(4)\n"
        "print('noise', file=sys.stderr)\n"
        "if os.environ['STREAMKEEPER_REASON'] != 'leave': sys.stdout.buffer.write(data.upper())\n",
        "utf-8",
    )
    with pytest.raises(UnusableFixError, match="allowed: a Python file"):
        open_fix(program)
    program.chmod(0o700)
    fix: Fix = open_fix(program)
    assert fix(b"a", "type") == b"A"
    assert fix(b"a", "leave") is None
    with pytest.raises(FixFailedError, match="exit code 4"):
        fix(b"bad", "type")
    assert capfd.readouterr() == ("", "")
