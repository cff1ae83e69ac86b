"""The moderate function, with managed AI that a test makes up: it knows some words, and can be down."""

import os
from typing import Any

from consumers.aws.moderate_handler import application
from consumers.ports import Question, TransientError, UnanswerableError
from tests.fakes.managed import DOWN, FakeManagedServices


def _behaviour(call: int, question: Question) -> Exception | None:
    if os.environ.get(DOWN):
        return TransientError("ServiceUnavailableException")
    return UnanswerableError("ValidationException") if "cursed" in question.parts[0] else None


SERVICES = FakeManagedServices(_behaviour)
_application = application(os.environ, managed=SERVICES) if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else None


def handle(event: dict[str, Any], context: object) -> Any:
    assert _application is not None
    return _application.handle(event, context)
