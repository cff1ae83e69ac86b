"""The moderate function, whose process dies in the middle of its first batches: each time later."""

import json
import os
import signal
import threading
from typing import Any

from consumers.aws.moderate_handler import handle as moderate

DEATHS = [0.0, 0.01, 0.02, 0.03, 0.045, 0.06, 0.08, 0.1, 0.13, 0.17, 0.22, 0.3]
"""Seconds after the event was handed over at which each process dies."""


def handle(event: dict[str, Any], context: object) -> Any:
    after = _next_death()
    if after is None:
        return moderate(event, context)
    threading.Timer(after, os.kill, (os.getpid(), signal.SIGKILL)).start()
    moderate(event, context)
    # The effects were had; the answer is never given.
    return threading.Event().wait()


def _next_death() -> float | None:
    """A file of this name is made by one process only, and so each moment is one process's."""
    for number, after in enumerate(DEATHS):
        try:
            with open(f"{os.environ['DEATHS']}/{number}", "x", encoding="utf-8") as file:
                json.dump(after, file)
        except FileExistsError:
            continue
        return after
    return None
