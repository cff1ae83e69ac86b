"""How an event source mapping is doing: by shard, how far behind it is and what each of its batches waits for."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from infra.local.awslambda.lane import Lane, State
from infra.local.awslambda.mapping import EventSourceMapping, ShardReader
from infra.local.awslambda.versions import split
from infra.local.errors import ApiError

_DOING = {State.INVOKING: "running", State.WRITING: "writing to the failure destination"}


def progress(core: EventSourceMapping, *, state: str, last_result: str, now: float) -> Mapping[str, object]:
    """What ``/_twin/state`` says of a mapping.

    Args:
        core: the mapping.
        state, last_result: as Lambda's API shows them.
        now: epoch seconds.
    """
    settings = core.settings
    function, qualifier = split(settings.function_arn)
    oldest = [record.arrived for record in (reader.oldest() for reader in core.readers.values()) if record is not None]
    try:
        parents = core.waiting_for_parents(now)
    except ApiError:  # Its stream is gone.
        parents = {}
    return {
        "state": state,
        "function": function,
        "qualifier": qualifier,
        "stream": settings.stream_arn.rpartition("/")[2],
        "last_result": last_result,
        "age_seconds": round(max(0.0, now - min(oldest)), 3) if oldest else 0.0,
        "counters": msgspec.to_builtins(core.counters),
        "settings": {
            "batch_size": settings.batch_size,
            "window_seconds": settings.window_seconds,
            "parallelization": settings.parallelization,
            "report_failures": settings.report_failures,
            "bisect": settings.bisect,
            "max_retries": settings.max_retries,
            "max_age_seconds": settings.max_age_seconds,
            "destination": settings.destination,
        },
        "shards": {
            shard_id: _shard(core, reader, parents.get(shard_id, ()), now) for shard_id, reader in core.readers.items()
        },
    }


def _shard(core: EventSourceMapping, reader: ShardReader, parents: tuple[str, ...], now: float) -> dict[str, object]:
    oldest = reader.oldest()
    expires = core.expires_after()
    return {
        "checkpoint": str(reader.checkpoint),
        "behind_ms": reader.behind_ms,
        "undone": reader.undone,
        "in_flight": sum(lane.state is not State.READY for lane in reader.lanes),
        "finished": reader.finished,
        "age_seconds": round(max(0.0, now - oldest.arrived), 3) if oldest else 0.0,
        "expires_in_seconds": round(oldest.arrived + expires - now, 3) if oldest else None,
        "waits_for_parents": list(parents),
        "batches": [found for lane in reader.lanes if (found := _batch(core, lane, now)) is not None],
    }


def _batch(core: EventSourceMapping, lane: Lane, now: float) -> dict[str, object] | None:
    """What one lane is at; None when it has nothing to do."""
    batch = lane.batch()
    if batch is None and not lane.queue:
        return None
    records = batch.records if batch is not None else lane.queue
    due = lane.next_due(core.settings)
    return {
        "doing": _DOING.get(lane.state) or ("waiting to be tried again" if batch is not None else "being filled"),
        "records": len(records),
        "first_sequence_number": str(records[0].sequence),
        "attempts": batch.attempts if batch is not None else 0,
        "refusals": batch.refusals if batch is not None else 0,
        "cause": batch.cause if batch is not None else None,
        "due_in_seconds": None if due is None else round(max(0.0, due - now), 3),
    }
