"""Reads the members of an AWS JSON request body, refusing wrong types and values with AWS's codes.

A message names the member, what is allowed and, for names and numbers, what was received; never a blob.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from infra.local.errors import ApiError


def invalid(name: str, received: object, constraint: str) -> ApiError:
    """The ValidationException AWS answers with when a member breaks a constraint."""
    shown = "null" if received is None else f"'{received}'"
    member = name[:1].lower() + name[1:]
    return ApiError(
        "ValidationException",
        f"1 validation error detected: Value {shown} at '{member}' failed to satisfy constraint: {constraint}",
    )


def wrong_type(name: str, wanted: str) -> ApiError:
    """The SerializationException for a member of the wrong JSON type."""
    return ApiError("SerializationException", f"Member '{name}' must be {wanted}.")


class Parameters:
    """The members of one request body.

    >>> Parameters({"Limit": 5}).integer("Limit", low=1, high=10)
    5
    """

    def __init__(self, body: Mapping[str, object]) -> None:
        self.body = body

    def text(
        self,
        name: str,
        *,
        pattern: str | None = None,
        max_length: int | None = None,
        one_of: Sequence[str] | None = None,
    ) -> str | None:
        """A string member, or None when it is absent."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise wrong_type(name, "a string")
        if not value:
            raise invalid(name, value, "Member must have length greater than or equal to 1")
        if max_length is not None and len(value) > max_length:
            raise invalid(name, value[:64] + "…", f"Member must have length less than or equal to {max_length}")
        if one_of is not None and value not in one_of:
            raise invalid(name, value, f"Member must satisfy enum value set: [{', '.join(one_of)}]")
        if pattern is not None and not re.fullmatch(pattern, value):
            raise invalid(name, value, f"Member must satisfy regular expression pattern: {pattern}")
        return value

    def required_text(
        self,
        name: str,
        *,
        pattern: str | None = None,
        max_length: int | None = None,
        one_of: Sequence[str] | None = None,
    ) -> str:
        """A string member that must be there."""
        value = self.text(name, pattern=pattern, max_length=max_length, one_of=one_of)
        if value is None:
            raise invalid(name, None, "Member must not be null")
        return value

    def integer(self, name: str, *, low: int, high: int) -> int | None:
        """An integer member within inclusive bounds, or None when it is absent."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise wrong_type(name, "an integer")
        if value < low:
            raise invalid(name, value, f"Member must have value greater than or equal to {low}")
        if value > high:
            raise invalid(name, value, f"Member must have value less than or equal to {high}")
        return value

    def required_integer(self, name: str, *, low: int, high: int) -> int:
        """An integer member that must be there."""
        value = self.integer(name, low=low, high=high)
        if value is None:
            raise invalid(name, None, "Member must not be null")
        return value

    def timestamp(self, name: str) -> float | None:
        """A timestamp member in epoch seconds, or None when it is absent."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise wrong_type(name, "a number of seconds since 1970")
        return float(value)

    def structure(self, name: str) -> Parameters | None:
        """A structure member, or None when it is absent."""
        value = self.body.get(name)
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise wrong_type(name, "a structure")
        return Parameters(value)

    def items(self, name: str) -> list[object]:
        """A list member that must be there."""
        value = self.body.get(name)
        if value is None:
            raise invalid(name, None, "Member must not be null")
        if not isinstance(value, list):
            raise wrong_type(name, "a list")
        return value

    def text_map(self, name: str) -> dict[str, str]:
        """A map of strings, empty when it is absent."""
        value = self.body.get(name)
        if value is None:
            return {}
        if not isinstance(value, Mapping) or not all(
            isinstance(k, str) and isinstance(v, str) for k, v in value.items()
        ):
            raise wrong_type(name, "a map of strings")
        return dict(value)
