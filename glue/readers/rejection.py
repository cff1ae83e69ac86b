"""Why a row, a cell or an event cannot be sent."""

from msgspec import Struct


class Rejection(Struct, frozen=True):
    """Why something cannot be sent, now or ever; holds nothing of its content."""

    reason: str
    detail: str
