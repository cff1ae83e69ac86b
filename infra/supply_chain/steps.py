"""What a step of the audit comes to, and how a tool of another environment is run."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"


@dataclass(frozen=True)
class Step:
    """One step: its ``outcome`` (``passed``, ``failed``, ``not run``), why in a sentence, and what it found."""

    name: str
    outcome: str
    said: str
    found: tuple[str, ...] = field(default=())


def judged(name: str, found: list[str], said: str) -> Step:
    """A step that ran: it fails when it found anything.

    >>> judged("licences", ["x 1.0: GPL-3.0-only"], "3 packages").outcome
    'failed'
    """
    return Step(name, FAILED if found else PASSED, said, tuple(found))


def exit_code(steps: list[Step], *, strict: bool) -> int:
    """1 when a step failed; with ``strict`` also when one did not run.

    >>> exit_code([Step("target", NOT_RUN, "no qemu")], strict=False)
    0
    """
    bad = {FAILED, NOT_RUN} if strict else {FAILED}
    return int(any(step.outcome in bad for step in steps))


def run(command: list[str], *, cwd: Path, environment: Mapping[str, str] | None = None) -> tuple[int, str, str]:
    """Exit code, output and error output of a program that is not given any input."""
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            command,
            cwd=cwd,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 127, "", str(error)
    return done.returncode, done.stdout, done.stderr
