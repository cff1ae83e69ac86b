"""The handler as it is usually written: Powertools' batch processor, a pydantic model, ``re``, ``json``.

Not a straw man: the terms are one compiled alternation, patterns are compiled once, the sink is called once a batch.
"""

import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "bench")

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.kinesis_stream_event import KinesisStreamRecord
from pydantic import AwareDatetime, BaseModel, Field

from benchmarks.workload import PATTERNS, THRESHOLDS, Workload

Put = Callable[[list[dict[str, bytes]]], None]


class Event(BaseModel):
    schema_version: int = Field(ge=1, le=1)
    event_id: str = Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
    content_id: str = Field(pattern=r"^[A-Za-z0-9._:@-]{1,128}$")
    author_id: str = Field(pattern=r"^[A-Za-z0-9._:@-]{1,128}$")
    surface: str = Field(pattern=r"^[a-z0-9_]{1,32}$")
    created_at: AwareDatetime
    text: str = Field(max_length=65536)
    language: str | None = None


class Peer:
    """The usual handler under a workload's rules."""

    def __init__(self, workload: Workload, put: Put) -> None:
        self._terms = {term: (label, score) for term, label, score in workload.terms}
        alternatives = "|".join(re.escape(term) for term in sorted(self._terms, key=len, reverse=True))
        self._term_re = re.compile(rf"\b(?:{alternatives})\b", re.IGNORECASE)
        self._patterns = [(label, score, re.compile(text, re.IGNORECASE)) for _, label, score, text in PATTERNS]
        self._processor = BatchProcessor(event_type=EventType.KinesisDataStreams)
        self._put = put
        self._rows: list[bytes] = []

    def handle(self, event: dict[str, Any], context: Any) -> Any:
        """Lambda's answer to a batch."""
        self._rows = []
        answer = process_partial_response(
            event=event, record_handler=self._record, processor=self._processor, context=context
        )
        for start in range(0, len(self._rows), 500):
            self._put([{"Data": row} for row in self._rows[start : start + 500]])
        return answer

    def _record(self, record: KinesisStreamRecord) -> None:
        payload = record.kinesis.data_as_json()
        event = Event.model_validate(payload)
        arrived = datetime.fromtimestamp(record.kinesis.approximate_arrival_timestamp, UTC)
        scores: dict[str, float] = {}
        for match in self._term_re.finditer(event.text):
            label, score = self._terms[match[0].lower()]
            scores[label] = max(score, scores.get(label, 0.0))
        for label, score, pattern in self._patterns:
            if pattern.search(event.text):
                scores[label] = max(score, scores.get(label, 0.0))
        action, top = "allow", None
        order = ["allow", "flag", "review", "block"]
        for label, score in scores.items():
            for name, threshold in THRESHOLDS[label].items():
                if score >= threshold and order.index(name) > order.index(action):
                    action, top = name, label
        row = {
            "verdict_id": sha256(f"{event.event_id}|bench".encode()).hexdigest()[:32],
            "event_id": event.event_id,
            "content_id": event.content_id,
            "author_id": event.author_id,
            "surface": event.surface,
            "language": event.language,
            "created_at": event.created_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
            "arrived_at": arrived.strftime("%Y-%m-%d %H:%M:%S.%f"),
            "decided_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"),
            "action": action,
            "labels": sorted(scores),
            "top_label": top,
            "text_length": len(event.text),
            "text_fingerprint": sha256(event.text.lower().encode()).hexdigest()[:32],
            "excerpt": event.text[:280],
            "shard_id": record.event_id.split(":")[0],
            "sequence_number": record.kinesis.sequence_number,
            "fingerprint": sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:32],
        }
        self._rows.append(json.dumps(row).encode() + b"\n")
