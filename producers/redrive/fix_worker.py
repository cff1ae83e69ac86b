"""Runs a fix script in a process of its own: one JSON line in, one JSON line out. Standard library only.

Started by :mod:`producers.redrive.fixes` as ``python -I fix_worker.py SCRIPT``.
"""

import base64
import json
import os
import runpy
import sys
import traceback
from typing import Any


def main() -> None:
    """Answers ``{"fatal"}`` once, empty for a fix that can be used; then each ``{"payload", "reason"}`` line that it
    reads with ``{"payload"}`` or ``{"error"}``.
    """
    # What the script prints goes nowhere near the answers.
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)

    def answer(**said: object) -> None:
        out.write(json.dumps(said) + "\n")
        out.flush()

    script = sys.argv[1]
    fix: Any = None
    try:
        fix = runpy.run_path(script).get("fix")
    except BaseException as error:
        answer(fatal=f"{type(error).__name__} while it was loaded{_where(error, script)}")
    else:
        answer(fatal="" if callable(fix) else "it has no function fix(payload, reason)")
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            fixed = fix(base64.b64decode(asked["payload"]), asked["reason"])
            if fixed is not None and not isinstance(fixed, bytes | bytearray):
                answer(error=f"fix gave {type(fixed).__name__}; allowed: bytes or None")
                continue
            answer(payload=None if fixed is None else base64.b64encode(fixed).decode())
        except Exception as error:
            # The type and the line alone: its text may quote the payload.
            answer(error=f"{type(error).__name__}{_where(error, script)}")


def _where(error: BaseException, script: str) -> str:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == script]
    if isinstance(error, SyntaxError) and error.lineno:
        lines.append(error.lineno)
    return f" (line {lines[-1]})" if lines else ""


if __name__ == "__main__":
    main()
