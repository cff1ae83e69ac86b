"""Fixes: a user's code in a process of its own, which may fail, hang or die for one record alone."""

import sys
from pathlib import Path

import pytest

from producers.redrive.fixes import Fix, FixFailedError, PythonFix, UnusableFixError, open_fix


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "fix.py"


def test_a_python_fix_keeps_its_state_and_may_print(script: Path) -> None:
    script.write_text(
        "calls = 0\n"
        "def fix(payload, reason):\n"
        "    global calls\n"
        "    calls += 1\n"
        "    print('noise')\n"
        "    return None if reason == 'leave' else b'%d:' % calls + payload\n",
        "utf-8",
    )
    with PythonFix(script) as fix:
        assert fix(b"\x00\xff\n", "type") == b"1:\x00\xff\n"
        assert fix(b"b", "leave") is None
        assert fix(b"c", "type") == b"3:c"


def test_a_fix_that_raises_tells_its_type_and_line_and_nothing_of_the_payload(script: Path) -> None:
    script.write_text("def fix(payload, reason):\n    raise KeyError(payload)\n", "utf-8")
    with PythonFix(script) as fix, pytest.raises(FixFailedError) as failed:
        fix(b"secret", "type")
    assert str(failed.value) == "KeyError (line 2)"
    script.write_text("def fix(payload, reason):\n    return 'text'\n", "utf-8")
    with PythonFix(script) as fix, pytest.raises(FixFailedError, match="gave str; allowed: bytes or None"):
        fix(b"secret", "type")


def test_a_fix_that_takes_too_long_or_ends_its_process_fails_for_that_record_alone(script: Path) -> None:
    script.write_text(
        "import os, time\n"
        "def fix(payload, reason):\n"
        "    if payload == b'slow': time.sleep(60)\n"
        "    if payload == b'exit': os._exit(3)\n"
        "    return payload\n",
        "utf-8",
    )
    with PythonFix(script, seconds=1.5) as fix:
        for bad in (b"slow", b"exit"):
            with pytest.raises(FixFailedError, match="no answer within"):
                fix(bad, "type")
            assert fix(b"good", "type") == b"good"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def fix(:\n", r"SyntaxError while it was loaded \(line 1\)"),
        ("x = 1\nraise ValueError('no')\n", r"ValueError while it was loaded \(line 2\)"),
        ("def mend(payload, reason): ...\n", r"it has no function fix\(payload, reason\)"),
    ],
)
def test_a_fix_that_cannot_be_used_says_why(script: Path, text: str, said: str) -> None:
    script.write_text(text, "utf-8")
    with PythonFix(script) as fix, pytest.raises(UnusableFixError, match=said):
        fix(b"", "type")


def test_any_executable_may_be_a_fix(tmp_path: Path) -> None:
    program = tmp_path / "fix"
    program.write_text(
        f"#!{sys.executable}\nimport os, sys\ndata = sys.stdin.buffer.read()\n"
        "if data == b'bad': sys.exit(4)\n"
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


# ---------------------------------------------------------------------------------------------------- where it lies
