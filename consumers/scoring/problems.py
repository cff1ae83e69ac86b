"""Problem documents: what the plain form answers when it refuses.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from consumers.scoring.messages import Response

_JSON = ("content-type", "application/problem+json")


class ProblemError(Exception):
    """A request that is refused.

    Args:
        status: of HTTP.
        detail: what was received, what is allowed, and what to do.
        pointer: the field, as a JSON Pointer in a URI fragment; empty: the whole request.
        headers: what the answer says beside the problem.
    """

    def __init__(self, status: int, detail: str, pointer: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.pointer = pointer
        self.headers = headers

    def document(self) -> Mapping[str, Any]:
        """The problem, as JSON takes it.

        >>> ProblemError(400, "no text", "#/text").document()["errors"]
        [{'detail': 'no text', 'pointer': '#/text'}]
        """
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.pointer:
            document["errors"] = [{"detail": self.detail, "pointer": self.pointer}]
        return document

    def response(self, *, route: str, client: str = "") -> Response:
        """The problem as an answer."""
        return Response(self.status, msgspec.json.encode(self.document()), (_JSON, *self.headers), route, client)


def pointer(where: str) -> str:
    """A JSON Pointer for a place that msgspec names.

    >>> pointer("$.text"), pointer("$"), pointer("$.items[3].a~b")
    ('#/text', '#', '#/items/3/a~0b')
    """
    path = where.removeprefix("$").replace("[...]", ".-").replace("[", ".").replace("]", "")
    return "#" + "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path.split(".") if part)
