"""Fakes behind the ports of scoring: keys, quota, submissions; and a service that is made of them."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.scoring.messages import Request, Response
from consumers.scoring.ports import Client, Submission
from consumers.scoring.service import ANALYZE, Service, Settings

KEY = "a-good-key-of-tests"


class FakeKeys:
    """Keys in memory."""

    def __init__(self, clients: Mapping[str, Client] | None = None) -> None:
        self.clients = dict(clients or {KEY: Client("tests")})

    def find(self, key: str, /) -> Client | None:
        return self.clients.get(key)


class FakeQuota:
    """Lets a number of texts through."""

    def __init__(self, left: int = 1_000_000) -> None:
        self.left = left

    def take(self, client: Client, count: int = 1, /) -> bool:
        if count > self.left:
            return False
        self.left -= count
        return True


class FakeSubmissions:
    """Keeps what is submitted."""

    def __init__(self) -> None:
        self.taken: list[Submission] = []

    def submit(self, submission: Submission, /) -> None:
        self.taken.append(submission)


@cache
def moderator() -> Moderator:
    """The default policy, made ready once."""
    return Moderator(Policy.load(read_policy("default")))


class Scoring:
    """A service with fakes, and what tests ask of it."""

    def __init__(self, *, left: int = 1_000_000, settings: Settings | None = None) -> None:
        self.keys = FakeKeys()
        self.quota = FakeQuota(left)
        self.submissions = FakeSubmissions()
        self.service = Service(
            moderator(), keys=self.keys, quota=self.quota, submissions=self.submissions, settings=settings
        )

    def send(
        self,
        path: str,
        body: Any = b"",
        *,
        key: str | None = KEY,
        method: str = "POST",
        query: str = "",
        headers: Mapping[str, str] | None = None,
        origin: str = "http://127.0.0.1:8700",
    ) -> Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        joined = "&".join(part for part in (query, f"key={key}" if key is not None else "") if part)
        return self.service.answer(Request(method, path, joined, headers or {}, raw, origin))

    def analyze(self, text: str, *names: str, expected: int = 200, key: str | None = KEY, **more: Any) -> Any:
        """The document that answers, whose status is the expected one."""
        body = {"comment": {"text": text}, "requestedAttributes": {name: {} for name in names or ("TOXICITY",)}, **more}
        response = self.send(ANALYZE, body, key=key)
        assert response.status == expected, response.body
        return json.loads(response.body)
