"""The state of a laptop runtime in words. Pure: it takes what ``/_twin/state`` gives."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from glue.terminal.sanitize import inert

State = Mapping[str, Any]
_NOTHING = "nothing to do"
_CLOSED = "closed, and read to its end"


def status_lines(state: State) -> list[str]:
    """Lines about every mapping with its shards, every delivery stream with its buffer, and alarms that went off."""
    lines: list[str] = []
    for mapping in state["mappings"].values():
        lines += _mapping_lines(mapping)
    streams = state["delivery_streams"]
    if streams:
        lines.append("delivery streams")
        width = max(map(len, streams))
        lines += [f"  {name:<{width}}  {_delivery_line(stream)}" for name, stream in streams.items()]
    if going_off := [one for one in state.get("alarms", []) if one["state"] == "ALARM"]:
        lines.append("alarms")
        lines += [f"  {one['name']}: {inert(one.get('description') or one['reason'])}" for one in going_off]
    return lines or ["no event source mapping and no delivery stream"]


def done(state: State) -> int:
    """How many records the consumers have dealt with."""
    return sum(one["counters"]["succeeded"] + one["counters"]["discarded"] for one in state["mappings"].values())


def in_flight(state: State) -> str:
    """How much is in flight, in a few words.

    >>> in_flight({"mappings": {}, "delivery_streams": {"d": {"buffered_records": 3, "objects_waiting": 0}}})
    '0 records with consumers, 3 in buffers'
    """
    undone = sum(shard["undone"] for one in state["mappings"].values() for shard in one["shards"].values())
    buffered = sum(one["buffered_records"] for one in state["delivery_streams"].values())
    waiting = sum(one["objects_waiting"] for one in state["delivery_streams"].values())
    return f"{undone:,} record{'s' if undone != 1 else ''} with consumers, {buffered:,} in buffers" + (
        f", {waiting:,} objects to be written" if waiting else ""
    )


def troubles(state: State) -> list[str]:
    """A line for each thing that fails now; first why nothing can be kept any more, which the others may come from."""
    found = [inert(failure)] if (failure := state.get("failure")) else []
    for mapping in state["mappings"].values():
        where = f"{mapping['function']} on {mapping['stream']}"
        if mapping["last_result"].startswith("PROBLEM"):
            found.append(f"{where}: {inert(mapping['last_result'].removeprefix('PROBLEM: '))}{_last(mapping)}")
        for shard_id, batch in _failing(mapping):
            found.append(f"{where}, {shard_id}: {batch_words(batch, mapping['settings'])}")
    for name, stream in state["delivery_streams"].items():
        if stream["last_write_failure"]:
            again = f"; tried again in {stream['tried_again_in_seconds']:.0f} s"
            found.append(f"{name}: objects cannot be written ({stream['last_write_failure']}){again}")
    return found


def batch_words(batch: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """What became of a batch so far, and what comes next.

    >>> batch_words(
    ...     {"doing": "waiting to be tried again", "records": 2, "attempts": 3, "refusals": 0, "cause": "KeyError",
    ...      "due_in_seconds": 1.5}, {"max_retries": 8})
    '2 records, attempt 3 of 9 failed (KeyError), tried again in 1.5 s'
    """
    words = [f"{batch['records']:,} record{'s' if batch['records'] != 1 else ''}"]
    if batch["attempts"]:
        of = f" of {settings['max_retries'] + 1}" if settings["max_retries"] >= 0 else ""
        words.append(f"attempt {batch['attempts']}{of} failed ({inert(str(batch['cause']))})")
    elif batch["cause"]:
        words.append(f"failed ({inert(str(batch['cause']))})")
    if batch["doing"] != "waiting to be tried again":
        words.append(batch["doing"])
    elif batch["due_in_seconds"]:
        words.append(f"tried again in {batch['due_in_seconds']:.1f} s")
    return ", ".join(words)


def _failing(mapping: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for shard_id, shard in mapping["shards"].items():
        for batch in shard["batches"]:
            if batch["cause"]:
                yield shard_id, batch


def _last(mapping: Mapping[str, Any]) -> str:
    last = mapping.get("last_failure")
    return f" ({inert(str(last['cause']))} on {last['shard']})" if last else ""


def _mapping_lines(mapping: Mapping[str, Any]) -> Sequence[str]:
    counters = mapping["counters"]
    counts = f"{counters['succeeded']:,} records done in {counters['invocations']:,} invocations"
    if counters["errors"]:
        counts += f", {counters['errors']:,} of them failed"
    if counters["discarded"]:
        counts += f", {counters['discarded']:,} records given up"
    function = ":".join(filter(None, (mapping["function"], mapping.get("qualifier"))))
    lines = [f"{function} on {mapping['stream']} ({mapping['state'].lower()}): {counts}"]
    words = {shard_id: _shard_words(shard, mapping["settings"]) for shard_id, shard in mapping["shards"].items()}
    for common in (_NOTHING, _CLOSED):
        alike = [shard_id for shard_id, said in words.items() if said == common]
        if len(alike) > 1:
            words = {shard_id: said for shard_id, said in words.items() if said != common}
            words[f"{len(alike)} shards"] = common
    width = max(map(len, words), default=0)
    return [*lines, *(f"  {which:<{width}}  {said}" for which, said in words.items())]


def _shard_words(shard: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    if shard["finished"]:
        return _CLOSED
    if shard["waits_for_parents"]:
        return f"waits until {', '.join(shard['waits_for_parents'])} is read to its end"
    if not shard["undone"] and not shard["behind_ms"]:
        return _NOTHING
    words = [
        f"{shard['undone']:,} record{'s' if shard['undone'] != 1 else ''} at hand",
        f"the oldest {shard['age_seconds']:.0f} s old",
    ]
    if shard["behind_ms"]:
        words.append(f"{shard['behind_ms'] / 1000:.1f} s behind the newest")
    busy = [batch for batch in shard["batches"] if batch["cause"] or batch["doing"] != "being filled"]
    words += [batch_words(batch, settings) for batch in busy]
    if not busy and shard["batches"]:
        due = min(batch["due_in_seconds"] or 0.0 for batch in shard["batches"])
        words.append(f"the batch goes out in {due:.0f} s")
    return "; ".join(words)


def _delivery_line(stream: Mapping[str, Any]) -> str:
    landed = f"{stream['rows_out']:,} records landed in {stream['objects_out']:,} objects"
    errors = ", ".join(f"{count:,} {kind}" for kind, count in sorted(stream["error_records_by_type"].items()))
    landed += f" ({errors})" if errors else ""
    if stream["last_write_failure"]:
        return f"{landed}; {stream['objects_waiting']:,} objects cannot be written ({stream['last_write_failure']})"
    if not stream["buffered_records"]:
        return f"{landed}; nothing buffered"
    size, interval = stream["buffer_bytes"], stream["buffer_seconds"]
    left = max(0.0, interval - stream["oldest_age_seconds"])
    return (
        f"{landed}; {stream['buffered_records']:,} records buffered, {stream['buffered_bytes'] / 2**20:.1f} of "
        f"{size / 2**20:.0f} MiB, written in {left:.0f} s or when full"
    )
