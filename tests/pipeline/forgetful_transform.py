"""The transform function, whose first two answers to each batch are lost after all its effects were had."""

import os
from typing import Any

from consumers.aws.transform_handler import application

_ANSWERED: dict[str, int] = {}
_APPLICATION = application(os.environ)


def handle(event: Any, context: Any) -> Any:
    """What the twin calls."""
    answer = _APPLICATION.handle(event, context)
    first = event["records"][0]["recordId"]
    _ANSWERED[first] = _ANSWERED.get(first, 0) + 1
    if _ANSWERED[first] <= 2:
        raise RuntimeError("the answer is lost")
    return answer
