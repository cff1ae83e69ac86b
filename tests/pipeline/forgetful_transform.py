"""The transform function, whose first two answers to each batch are lost after all its effects were had."""

import os
from functools import cache
from typing import Any

from consumers.aws.transform_handler import application

_ANSWERED: dict[str, int] = {}


@cache
def _application() -> Any:
    # Not at import: whoever looks for doctests imports this without a function's settings.
    return application(os.environ)


def handle(event: Any, context: Any) -> Any:
    """What the twin calls."""
    answer = _application().handle(event, context)
    first = event["records"][0]["recordId"]
    _ANSWERED[first] = _ANSWERED.get(first, 0) + 1
    if _ANSWERED[first] <= 2:
        raise RuntimeError("the answer is lost")
    return answer
