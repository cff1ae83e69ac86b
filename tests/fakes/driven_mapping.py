"""An event source mapping over a stream, driven by hand, and a state such as the runtime gives."""

from collections.abc import Callable
from typing import Any

from infra.local.awslambda.driver import StreamSource
from infra.local.awslambda.lane import Failed, Invoke, Outcome
from infra.local.awslambda.mapping import EventSourceMapping
from infra.local.awslambda.progress import progress
from infra.local.awslambda.settings import Backoff, MappingSettings
from infra.local.kinesis.streams import PutEntry, Streams

DELIVERY: dict[str, Any] = {
    "rows_out": 10,
    "objects_out": 2,
    "error_records_by_type": {},
    "last_write_failure": None,
    "tried_again_in_seconds": None,
    "objects_waiting": 0,
    "buffered_records": 0,
    "buffered_bytes": 0,
    "buffer_bytes": 64 << 20,
    "buffer_seconds": 300.0,
    "oldest_age_seconds": 0.0,
}


class Driven:
    """A mapping over a stream of one shard, or of more, whose function answers as the test says."""

    def __init__(self, *, shards: int = 1, **settings: Any) -> None:
        self.streams = Streams()
        self.stream = self.streams.create("content", shard_count=shards, now=0.0)
        self.core = EventSourceMapping(
            MappingSettings(
                uuid="u",
                function_arn="arn:aws:lambda:us-east-1:000000000000:function:moderate",
                stream_arn=self.stream.arn,
                starting_position="TRIM_HORIZON",
                **settings,
            ),
            StreamSource(self.streams, self.stream),
            region="us-east-1",
            role_arn=lambda: "r",
            backoff=Backoff(),
            new_id=lambda: "id",
        )

    def put(self, count: int, now: float) -> None:
        self.streams.put(self.stream, [PutEntry(b"x", "k") for _ in range(count)], now=now)

    def run(self, answer: Callable[[Invoke], Outcome], now: float) -> None:
        for task in self.core.step(now):
            assert isinstance(task.action, Invoke)
            self.core.finished(task, answer(task.action), now)

    def state(self, now: float, **delivery: Any) -> dict[str, Any]:
        mapping = {**progress(self.core, state="Enabled", last_result="OK", now=now), "last_failure": None}
        return {"mappings": {"u": mapping}, "delivery_streams": {"verdicts": {**DELIVERY, **delivery}}}


def failing(_: Invoke) -> Outcome:
    return Failed(request_id="r", error="Unhandled", cause="KeyError")
