"""The transform function, whose first two answers to each batch are lost after all its effects were had."""

import os
from typing import Any

from consumers.aws.application import Application
from consumers.aws.transform_handler import application

LOST: list[str] = []
_ANSWERED: dict[str, int] = {}


def _prepared() -> Application | None:
    # The twin has the settings in place while it imports this, and not afterwards; who else imports it has none.
    return application(os.environ) if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else None


_APPLICATION = _prepared()


def handle(event: Any, context: Any) -> Any:
    """What the twin calls."""
    assert _APPLICATION is not None
    answer = _APPLICATION.handle(event, context)
    first = event["records"][0]["recordId"]
    _ANSWERED[first] = _ANSWERED.get(first, 0) + 1
    if _ANSWERED[first] <= 2:
        LOST.append(first)
        raise RuntimeError("the answer is lost")
    return answer
