"""The twin's own paths under ``/_twin/``: is it up, what is in it, wait until nothing is in flight."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

DEFAULT_DRAIN_SECONDS = 60.0
MAX_DRAIN_SECONDS = 3600.0


class Controlled(Protocol):
    """What a twin lets its user ask of it."""

    def health(self) -> dict[str, Any]: ...
    def state(self) -> dict[str, Any]: ...
    def drain(self, timeout: float) -> dict[str, Any]: ...


class Testbed(Protocol):
    """What a twin for tests answers beside that; None for what is not its own."""

    def handle(self, method: str, name: str, query: Mapping[str, str], body: bytes) -> tuple[int, bytes] | None: ...


class Control:
    """Answers ``GET /_twin/health``, ``GET /_twin/state`` and ``POST /_twin/drain?timeout=60``, in JSON."""

    def __init__(self, twin: Controlled, testbed: Testbed | None = None) -> None:
        self._twin = twin
        self._testbed = testbed

    def handle(self, method: str, path: str, query: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
        """HTTP status and JSON document.

        Args:
            method: ``GET`` or ``POST``.
            path: beginning with ``/_twin/``.
            query: ``timeout`` in seconds, up to an hour, for the drain.
            body: of the request, for what tests may do.
        """
        if self._testbed is not None:
            answer = self._testbed.handle(method, path.removeprefix("/_twin/").rstrip("/"), query, body)
            if answer is not None:
                return answer
        match (method, path.rstrip("/")):
            case ("GET", "/_twin/health"):
                return 200, msgspec.json.encode(self._twin.health())
            case ("GET", "/_twin/state"):
                return 200, msgspec.json.encode(self._twin.state())
            case ("POST", "/_twin/drain"):
                try:
                    timeout = float(query.get("timeout", DEFAULT_DRAIN_SECONDS))
                except ValueError:
                    timeout = -1.0
                if not 0 <= timeout <= MAX_DRAIN_SECONDS:
                    return _refusal(400, f"timeout must be a number of seconds from 0 to {MAX_DRAIN_SECONDS:.0f}")
                return 200, msgspec.json.encode(self._twin.drain(timeout))
            case (_, "/_twin/health" | "/_twin/state" | "/_twin/drain"):
                return _refusal(405, f"{method} is not for {path}: GET health and state, POST drain")
            case _:
                return _refusal(404, "no such path: there are /_twin/health, /_twin/state and /_twin/drain")


def _refusal(status: int, message: str) -> tuple[int, bytes]:
    return status, msgspec.json.encode({"message": message})
