"""A content API in memory: it takes events, refuses those without a text, and answers otherwise as told."""

from collections.abc import Callable
from typing import Any

import msgspec

from producers.api.exchange import Answer

Told = Callable[[int], Answer | None]
"""Told the number of the request; what it answers instead, or None."""

PROBLEM = {
    "type": "about:blank",
    "title": "Bad Request",
    "status": 400,
    "detail": "one field is wrong",
    "errors": [{"pointer": "#/text", "detail": "received nothing; allowed: a string"}],
}


class FakeApi:
    """Sends no request; see :class:`producers.api.exchange.Exchange`."""

    def __init__(self, told: Told = lambda number: None) -> None:
        self.taken: dict[str, Any] = {}
        self.sent: list[list[str]] = []
        self.requests = 0
        self._told = told
        self.busy: set[str] = set()
        """Events that the stream throttles, once each."""

    def __call__(self, method: str, path: str, document: Any = None, /) -> Answer:
        number, self.requests = self.requests, self.requests + 1
        if (answer := self._told(number)) is not None:
            return answer
        sent = msgspec.json.decode(msgspec.json.encode(document))
        if path == "/v1/content:batch":
            self.sent.append([event.get("event_id", "") for event in sent["events"]])
            results = [self._take(event) for event in sent["events"]]
            return Answer(202 if all(one["status"] == 202 for one in results) else 207, {"results": results})
        if path == "/v1/content":
            result = self._take(sent)
            return Answer(result["status"], result.get("problem", {"status": "accepted"}))
        found = [event for event in self.taken.values() if path == f"/v1/content/{event['content_id']}"]
        if not found or not found[0].get("hold"):
            return Answer(202, {"status": "pending"}, 2.0)
        return Answer(
            200,
            {
                "content_id": found[0]["content_id"],
                "status": "decided",
                "action": "block",
                "labels": ["spam"],
                "event_id": found[0]["event_id"],
                "verdict_id": "v",
                "policy": {"id": "default", "version": "1"},
                "decided_at": "2026-03-01T00:00:00Z",
            },
        )

    def _take(self, event: dict[str, Any]) -> dict[str, Any]:
        if "text" not in event:
            return {"status": 400, "problem": PROBLEM}
        if event["event_id"] in self.busy:
            self.busy.discard(event["event_id"])
            return {"status": 503}
        self.taken[event["event_id"]] = event
        return {"status": 202}
