"""What PutRecord and PutRecordBatch take: sizes, the Direct PUT quota, and faults that tests ask for.

Source: the PutRecordBatch reference (at most 500 records, 1,000 KiB each and 4 MiB in all, before base64) and
https://docs.aws.amazon.com/firehose/latest/dev/limits.html (2026-11-20).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pybase64

from infra.local.errors import ApiError

MAX_RECORDS = 500
MAX_RECORD_BYTES = 1000 * 1024
MAX_BATCH_BYTES = 4 * 1024 * 1024
SLOW_DOWN = ("ServiceUnavailableException", "Slow down.")


class PutFaults(Protocol):
    """Decides which records of a call fail, for tests of what a client does then."""

    def failing(self, stream: str, records: Sequence[bytes]) -> Collection[int]:
        """The places, from 0, of the records that are answered with ServiceUnavailableException."""
        ...


class NoFaults:
    """No record fails."""

    def failing(self, stream: str, records: Sequence[bytes]) -> Collection[int]:
        """No place."""
        return ()


@dataclass(frozen=True)
class DirectPutQuota:
    """A stream's Direct PUT quota a second; the defaults are those of us-east-1, us-west-2 and eu-west-1."""

    requests: float = 2_000
    records: float = 500_000
    size: float = 5 * 1024 * 1024


class Throttle:
    """Token buckets, one second deep, for one stream's calls.

    >>> throttle = Throttle(DirectPutQuota(requests=1, records=2, size=100), now=0.0)
    >>> throttle.admit([10, 10, 10], now=0.0), throttle.admit([10], now=0.0), throttle.admit([10], now=1.0)
    (2, 0, 1)
    """

    def __init__(self, quota: DirectPutQuota, *, now: float) -> None:
        self._quota = quota
        self._at = now
        self._requests, self._records, self._size = quota.requests, quota.records, quota.size

    def admit(self, sizes: Sequence[int], *, now: float) -> int:
        """How many of a call's records, from its first, are within the quota."""
        passed = max(0.0, now - self._at)
        self._at = max(now, self._at)
        quota = self._quota
        self._requests = min(quota.requests, self._requests + passed * quota.requests)
        self._records = min(quota.records, self._records + passed * quota.records)
        self._size = min(quota.size, self._size + passed * quota.size)
        if self._requests < 1:
            return 0
        self._requests -= 1
        admitted = 0
        for size in sizes:
            if self._records < 1 or self._size < size:
                break
            self._records -= 1
            self._size -= size
            admitted += 1
        return admitted


def read_records(given: Any) -> list[bytes]:
    """The records' bytes of a PutRecordBatch body.

    Raises:
        ApiError: with AWS's codes: ``ValidationException`` for counts and single records, ``InvalidArgumentException``
            for the whole batch, ``SerializationException`` for what is not base64.
    """
    if not isinstance(given, list):
        raise violation("records", "Member must not be null")
    if not given:
        raise violation("records", "Member must have length greater than or equal to 1")
    if len(given) > MAX_RECORDS:
        raise violation("records", f"Member must have length less than or equal to {MAX_RECORDS}; got {len(given)}")
    records = [read_record(item, f"records.{at}.member") for at, item in enumerate(given, 1)]
    total = sum(map(len, records))
    if total > MAX_BATCH_BYTES:
        raise ApiError(
            "InvalidArgumentException", f"Records size exceeds 4 MB limit: {total} bytes of at most {MAX_BATCH_BYTES}"
        )
    return records


def read_record(given: Any, where: str) -> bytes:
    """One record's bytes."""
    data = given.get("Data") if isinstance(given, dict) else None
    if data is None:
        raise violation(f"{where}.data", "Member must not be null")
    if not isinstance(data, str):
        raise ApiError("SerializationException", f"{where}.data must be base64 text")
    try:
        found: bytes = pybase64.b64decode(data, validate=True)
    except ValueError as error:
        raise ApiError("SerializationException", f"{where}.data is not valid base64") from error
    if len(found) > MAX_RECORD_BYTES:
        raise violation(
            f"{where}.data", f"Member must have length less than or equal to {MAX_RECORD_BYTES}; got {len(found)}"
        )
    return found


def violation(member: str, constraint: str) -> ApiError:
    """AWS's answer to a member that breaks its model; it names the member and holds no value."""
    return ApiError(
        "ValidationException",
        f"1 validation error detected: Value at '{member}' failed to satisfy constraint: {constraint}",
    )
