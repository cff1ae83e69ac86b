"""Usage plans, keys and throttling: who may ask how often.

Of a key only the SHA-256 is kept. A key has 128 random bits or more, so that a slow hash would buy nothing.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

import secrets
import threading
from hashlib import sha256
from typing import Final

from msgspec import Struct

from infra.local.errors import ApiError

_DAYS: Final = {"DAY": 1, "WEEK": 7, "MONTH": 30}
MIN_KEY: Final = 20
"""Characters of a key. Source: https://docs.aws.amazon.com/apigateway/latest/api/API_CreateApiKey.html"""


class Bucket:
    """A token bucket: ``rate`` requests a second, ``burst`` at once; 0 of both lets all through."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = max(burst, 1)
        self._left = float(self._burst)
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Whether one more is let through now, in epoch seconds."""
        if not self._rate:
            return True
        self._left = min(self._burst, self._left + max(now - self._at, 0.0) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Key(Struct):
    """A key: its id, its name and its value's SHA-256."""

    id: str
    name: str
    digest: str
    enabled: bool


class Plan(Struct):
    """A usage plan.

    Args:
        stages: as (API's id, stage).
        rate, burst: of each key; 0: no limit.
        quota: requests a key has in a period; 0: no limit.
        keys: ids of keys.
    """

    id: str
    name: str
    stages: list[tuple[str, str]]
    rate: float
    burst: int
    quota: int
    period: str
    keys: list[str]


class Plans:
    """The keys and plans of the runtime. May be used from several threads."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}
        self.plans: dict[str, Plan] = {}
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._used: dict[tuple[str, str, int], int] = {}
        self._lock = threading.Lock()

    def add_key(self, name: str, value: str | None, *, enabled: bool) -> tuple[Key, str]:
        """A new key and its value, which is not kept.

        Raises:
            ApiError: BadRequestException, ConflictException.
        """
        value = value or secrets.token_urlsafe(30)
        if not MIN_KEY <= len(value) <= 128:
            raise ApiError("BadRequestException", f"a key has {MIN_KEY} to 128 characters; received {len(value)}")
        digest = _digest(value)
        with self._lock:
            if any(secrets.compare_digest(key.digest, digest) for key in self.keys.values()):
                raise ApiError("ConflictException", "API Key already exists", 409)
            key = Key(secrets.token_hex(5), name, digest, enabled)
            self.keys[key.id] = key
        return key, value

    def key_of(self, value: str, api: str, stage: str) -> tuple[Key, Plan] | None:
        """The key with this value and the plan by which it may ask this stage."""
        digest = _digest(value)
        with self._lock:
            for key in self.keys.values():
                if secrets.compare_digest(key.digest, digest) and key.enabled:
                    for plan in self.plans.values():
                        if key.id in plan.keys and (api, stage) in plan.stages:
                            return key, plan
        return None

    def refused(self, key: Key, plan: Plan, now: float) -> str:
        """Why a request is not let through: THROTTLED or QUOTA_EXCEEDED; empty when it is, and is counted."""
        with self._lock:
            bucket = self._buckets.setdefault((plan.id, key.id), Bucket(plan.rate, plan.burst))
            if not bucket.take(now):
                return "THROTTLED"
            if plan.quota:
                period = (plan.id, key.id, int(now // (86_400 * _DAYS[plan.period])))
                if self._used.get(period, 0) >= plan.quota:
                    return "QUOTA_EXCEEDED"
                self._used[period] = self._used.get(period, 0) + 1
        return ""


def _digest(value: str) -> str:
    return sha256(value.encode()).hexdigest()
