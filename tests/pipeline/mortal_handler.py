"""A Lambda handler whose process dies in the middle of its first batches: kill -9, at another moment each time."""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

KILLED: list[float] = []
"""Seconds after the event was handed over at which each killed process died."""

DEATHS = [0.0, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.13, 0.17, 0.22, 0.3]

_ENVIRONMENT = dict(os.environ)
_invocations = itertools.count()
_one_at_a_time = threading.Lock()


def handle(event: dict[str, Any], context: object) -> Any:
    del context
    with _one_at_a_time:
        number = next(_invocations)
    with subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("consumer_process.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=_ENVIRONMENT,
        text=True,
    ) as process:
        return _run(process, event, number)


def _run(process: "subprocess.Popen[str]", event: dict[str, Any], number: int) -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write(json.dumps(event) + "\n")
    process.stdin.flush()
    if number < len(DEATHS):
        time.sleep(DEATHS[number])
        process.kill()
        process.wait()
        KILLED.append(DEATHS[number])
        raise RuntimeError("Runtime exited with error: signal: killed")
    process.stdin.close()
    answer = process.stdout.readline()
    process.wait(timeout=600)
    if not answer:
        raise RuntimeError(f"Runtime exited with error: exit status {process.returncode}")
    return json.loads(answer)
