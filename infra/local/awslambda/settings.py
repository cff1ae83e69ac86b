"""A Kinesis-to-Lambda event source mapping as configured, and how it reads a function's answer."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

WHOLE_BATCH = 0


class MappingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What AWS lets one set on a mapping.

    ``max_retries`` and ``max_age_seconds`` of -1 mean no limit; ``destination`` is the ARN of a bucket, queue or topic.
    ``filters`` are patterns as JSON texts; ``tumbling_seconds`` is 0 without windows.
    ``counts_events`` says whether it emits metrics of its own (``MetricsConfig``).

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html (read 2026-11-20).
    """

    uuid: str
    function_arn: str
    stream_arn: str
    starting_position: str
    starting_timestamp: float | None = None
    batch_size: int = 100
    window_seconds: int = 0
    parallelization: int = 1
    report_failures: bool = False
    bisect: bool = False
    max_retries: int = -1
    max_age_seconds: int = -1
    destination: str | None = None
    filters: tuple[str, ...] = ()
    tumbling_seconds: int = 0
    counts_events: bool = False


class Backoff(msgspec.Struct, frozen=True):
    """How long to wait before a retry: doubling from ``first`` seconds up to ``longest``, times ``scale``.

    AWS publishes no figures. These give the eight attempts within 60 s that were recorded on AWS.

    >>> [Backoff().seconds(n) for n in (1, 2, 3, 20)]
    [0.5, 1.0, 2.0, 60.0]
    """

    first: float = 0.5
    longest: float = 60.0
    scale: float = 1.0

    def seconds(self, attempts: int) -> float:
        """Seconds to wait after ``attempts`` failed attempts, 1 or more."""
        return float(min(self.longest, self.first * 2 ** min(attempts - 1, 30)) * self.scale)


def first_failed(answer: object, sequence_numbers: Sequence[str]) -> int | None:
    """Where in the batch the retry starts, by a function's answer under ReportBatchItemFailures.

    None means that the whole batch succeeded, 0 that none of it did. Empty and null answers and lists are success. An
    identifier that is missing, empty, null or not in the batch fails the whole batch, and so does anything that is not
    of the documented shape. An object without ``batchItemFailures`` counts as empty: a typo there is a silent success.

    Args:
        answer: the decoded JSON answer.
        sequence_numbers: those of the batch, in order.

    >>> first_failed({"batchItemFailures": [{"itemIdentifier": "12"}, {"itemIdentifier": "11"}]}, ["10", "11", "12"])
    1
    >>> first_failed({"batchItemFailures": []}, ["10"]) is None
    True
    >>> first_failed({"batchItemFailures": [{"itemIdentifier": ""}]}, ["10"])
    0

    Source: https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html (read 2026-11-20).
    """
    if not answer and not isinstance(answer, bool | int | float):
        return None
    if not isinstance(answer, dict):
        return WHOLE_BATCH
    failures = answer.get("batchItemFailures")
    if failures is None or failures == []:
        return None
    if not isinstance(failures, list):
        return WHOLE_BATCH
    places = {number: at for at, number in enumerate(sequence_numbers)}
    lowest = len(sequence_numbers)
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        at = places.get(identifier) if isinstance(identifier, str) else None
        if at is None:
            return WHOLE_BATCH
        lowest = min(lowest, at)
    return lowest
