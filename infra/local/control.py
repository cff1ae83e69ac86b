"""The twin's own paths under ``/_twin/``: is it up, what is in it, wait until nothing is in flight."""

from collections.abc import Callable, Mapping, Sequence
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


Newest = Callable[[str, int], Sequence[tuple[int, bytes]]]
"""Gives the newest records of a delivery stream after a number; LookupError for one that there is not."""


class Control:
    """Answers ``GET`` of ``/_twin/health``, ``state`` and ``records?stream=NAME&after=0``, ``POST`` of ``drain``."""

    def __init__(self, twin: Controlled, testbed: Testbed | None = None, newest: Newest | None = None) -> None:
        self._twin = twin
        self._testbed = testbed
        self._newest = newest

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
            case ("GET", "/_twin/records") if self._newest is not None:
                return _records(self._newest, query)
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


def _records(newest: Newest, query: Mapping[str, str]) -> tuple[int, bytes]:
    try:
        found = newest(query.get("stream", ""), int(query.get("after", 0)))
    except LookupError as error:
        return _refusal(404, str(error.args[0]))
    except ValueError:
        return _refusal(400, "after must be the number of a record, 0 for all")
    records = [{"number": number, "data": data.decode("utf-8", "replace")} for number, data in found]
    return 200, msgspec.json.encode({"records": records})


def _refusal(status: int, message: str) -> tuple[int, bytes]:
    return status, msgspec.json.encode({"message": message})
