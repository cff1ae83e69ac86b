"""The moderate function, with managed AI that a test makes up: it knows some words, and can be down."""

import json
import os
from functools import cache
from typing import Any

from consumers.aws.moderate_handler import application
from consumers.ports import Question, TransientError, UnanswerableError
from tests.fakes.managed import ASKED, DOWN, FakeManagedServices


def _behaviour(call: int, question: Question) -> Exception | None:
    if os.environ.get(DOWN):
        return TransientError("ServiceUnavailableException")
    return UnanswerableError("ValidationException") if "cursed" in question.parts[0] else None


def _say(question: Question) -> None:
    for part in question.parts:
        print(ASKED + json.dumps(part))


@cache
def _application() -> Any:
    # Not at import: whoever looks for doctests imports this without a function's settings.
    return application(os.environ, managed=FakeManagedServices(_behaviour, on_ask=_say))


def handle(event: dict[str, Any], context: object) -> Any:
    return _application().handle(event, context)
