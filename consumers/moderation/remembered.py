"""Values of the tokens that texts had lately, so that a token which comes again is not worked out anew."""

from abc import ABC, abstractmethod
from typing import TypeVar

REMEMBERED = 32_768
"""Tokens whose values are kept, and as many of those before them; about 12 MB."""

_LONGEST = 40
"""Characters of a token that is kept: longer ones hardly come again."""

Value = TypeVar("Value")


class Remembered(dict[str, Value], ABC):
    """By token its value, worked out when it is first asked for. Safe to use from several threads at once, as long as a
    token always has the same value."""

    def __init__(self) -> None:
        super().__init__()
        self._older: dict[str, Value] = {}

    @abstractmethod
    def work_out(self, token: str) -> Value:
        """The value of a token that is not kept."""

    def __missing__(self, token: str) -> Value:
        found = self._older.get(token)
        if found is None:
            found = self.work_out(token)
        if len(token) <= _LONGEST:
            if len(self) >= REMEMBERED:
                # What is in use comes back from the older half; the rest is forgotten with it.
                self._older = dict(self)
                self.clear()
            self[token] = found
        return found
