"""Why a shard does not move, in words. Pure: it takes what Lambda, Kinesis, CloudWatch and the dead letters say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from glue.terminal.sanitize import inert

WINDOW_MINUTES = 15
"""How far back metrics and logs are looked at."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """A batch that was given up.

    Args:
        first, last: sequence numbers.
        condition: ``RetryAttemptsExhausted`` or ``RecordAgeExceeded``.
        at: when, as Lambda wrote it.
        place: where its record lies.
    """

    shard_id: str
    first: str
    last: str
    records: int
    condition: str
    attempts: int
    at: str
    place: str


class Facts(Struct, frozen=True, kw_only=True):
    """What is known of an event source mapping.

    Args:
        state, last_result: as Lambda shows them.
        settings: ``batch_size``, ``max_retries``, ``max_age_seconds`` (-1 for no limit), ``bisect``,
            ``report_failures``, ``destination``.
        retention_hours: of the stream.
        reserved: the function's reserved concurrency, None for none.
        metrics: of the last minutes: ``age_before`` and ``age_now`` in seconds, ``invocations``, ``errors``,
            ``throttles``; those that CloudWatch has.
        errors: how often each type of error is in the function's log.
        shards: by shard, what the laptop runtime knows of it; None on AWS, which shows no more than metrics.
        dead_letters: the newest first.
        unknown: what could not be asked, a line each.
    """

    function: str
    stream: str
    state: str
    last_result: str
    settings: Mapping[str, Any]
    retention_hours: float
    reserved: int | None = None
    metrics: Mapping[str, float] = {}
    errors: Mapping[str, int] = {}
    shards: Mapping[str, Mapping[str, Any]] | None = None
    dead_letters: Sequence[DeadLetter] = ()
    unknown: Sequence[str] = ()


class Explanation(Struct, frozen=True):
    """What is to be said.

    Args:
        stuck: whether something does not move, or records were given up.
        lines: sentences, the cause before what follows from it.
    """

    stuck: bool
    lines: Sequence[str]


def explain(facts: Facts) -> Explanation:
    """Whether the mapping moves, and if not: which record, which error, what is left, and what happens next."""
    stopped = list(_stopped(facts))
    if stopped:
        return Explanation(True, [*stopped, *facts.unknown])
    failing = list(_failing_shards(facts)) if facts.shards is not None else list(_failing_metrics(facts))
    dead = list(_dead(facts))
    lines = failing or [_moving(facts)]
    return Explanation(bool(failing or dead), [*lines, *dead, *facts.unknown])


def _stopped(facts: Facts) -> Iterator[str]:
    where = f"{facts.function} on {facts.stream}"
    if facts.state in ("Disabled", "Disabling"):
        yield (
            f"{where}: the mapping is {facts.state.lower()}, so that nothing is read. The stream keeps a record for "
            f"{facts.retention_hours:.0f} hours; switch it on before that: streamkeeper resume."
        )
    elif facts.state in ("Creating", "Enabling", "Updating"):
        yield f"{where}: the mapping is {facts.state.lower()}; reading begins in a minute or two."
    elif facts.reserved == 0:
        yield (
            f"{where}: the function has a reserved concurrency of 0, so that each invocation is throttled and no "
            "attempt is counted. Records wait until they expire; give it a number, or none."
        )


def _failing_shards(facts: Facts) -> Iterator[str]:
    for shard_id, shard in (facts.shards or {}).items():
        if shard["waits_for_parents"]:
            parents = ", ".join(shard["waits_for_parents"])
            yield f"{shard_id} waits until its parent {parents} is read to its end: the order holds over a split."
        for batch in shard["batches"]:
            if batch["cause"]:
                yield _batch(facts, shard_id, shard, batch)


def _batch(facts: Facts, shard_id: str, shard: Mapping[str, Any], batch: Mapping[str, Any]) -> str:
    """One batch that fails: where, how often, with what, and what comes of it."""
    count, cause = batch["records"], inert(str(batch["cause"]))
    parts = [
        f"{shard_id} stands at sequence number {batch['first_sequence_number']}, whose batch has {count:,} "
        f"record{'s' if count != 1 else ''}; its oldest record is {_span(shard['age_seconds'])} old."
    ]
    if batch["refusals"] and not batch["attempts"]:
        parts.append(f"The function {cause}: {batch['refusals']} tries, which count as no attempts.")
    elif cause == "reported as failed":
        parts.append(f"The function reported its first record as failed{_times(batch['attempts'])}.")
    else:
        parts.append(f"It failed{_times(batch['attempts'])} with {cause}; the log says more: {_logs(facts)}.")
    parts.append(_next(facts, batch, shard["expires_in_seconds"]))
    return " ".join(parts)


def _next(facts: Facts, batch: Mapping[str, Any], expires_in: float | None) -> str:
    if batch["doing"] == "running":
        now = "It is being tried again now"
    elif batch["doing"].startswith("writing"):
        return "It is given up, and being written to the failure destination; the shard goes on after that."
    else:
        now = f"It is tried again in {_span(batch['due_in_seconds'] or 0.0)}"
    left = _retries_left(facts, batch["attempts"])
    if facts.settings["bisect"] and batch["records"] > 1:
        now += ", and halved at each failure until the bad record is alone"
    limit = f"{left:,} more time{'s' if left != 1 else ''} at most" if left is not None else "again and again"
    expiry = f", until its records expire in {_span(expires_in)}" if expires_in is not None else ""
    return f"{now}, {limit}{expiry}. {_afterwards(facts, left)}"


def _retries_left(facts: Facts, attempts: int) -> int | None:
    most = int(facts.settings["max_retries"])
    return None if most < 0 else max(0, most + 1 - attempts)


def _afterwards(facts: Facts, left: int | None) -> str:
    destination = facts.settings["destination"]
    after = "Then it" if left is not None else "Nothing after it in the shard is read meanwhile. Then it"
    if destination:
        return f"{after} goes to {inert(str(destination))}, and the shard goes on; streamkeeper redrive brings it back."
    return (
        f"{after} is dropped without a trace, since the mapping has no on-failure destination, and the shard goes on."
    )


def _failing_metrics(facts: Facts) -> Iterator[str]:
    """What metrics tell: less than which record, enough to know the kind of trouble."""
    found = facts.metrics
    invocations, errors, throttles = (found.get(name, 0.0) for name in ("invocations", "errors", "throttles"))
    age, before = found.get("age_now", 0.0), found.get("age_before", 0.0)
    grows = age > before and age > 60
    if throttles:
        reserved = f" (reserved concurrency {facts.reserved})" if facts.reserved is not None else ""
        yield (
            f"{facts.function} was throttled {throttles:,.0f} times in {WINDOW_MINUTES} minutes{reserved}: shards wait "
            "for a free place. Raise its concurrency, or the account's."
        )
    if errors or facts.last_result.startswith("PROBLEM"):
        kinds = ", ".join(f"{inert(kind)} ({count})" for kind, count in sorted(facts.errors.items()))
        share = f"{errors:,.0f} of {invocations:,.0f} invocations failed in {WINDOW_MINUTES} minutes"
        yield f"{share if errors else inert(facts.last_result)}{f', with {kinds}' if kinds else ''}: {_logs(facts)}."
        yield _policy(facts)
    if grows and not (errors or throttles):
        yield (
            f"{facts.function} falls behind without failing: the oldest record was {_span(before)} old "
            f"{WINDOW_MINUTES} minutes ago and is {_span(age)} old now. More shards, a higher ParallelizationFactor or "
            "more memory help."
        )
    elif grows:
        left = facts.retention_hours * 3600 - age
        yield (
            f"The oldest record is {_span(age)} old and gets older ({_span(before)} {WINDOW_MINUTES} minutes ago); "
            + (f"the stream trims it in {_span(left)}." if left > 0 else "the stream trims records unread.")
        )


def _policy(facts: Facts) -> str:
    """What the mapping does with a batch that fails."""
    settings = facts.settings
    retries = f"{settings['max_retries']} times" if settings["max_retries"] >= 0 else "without limit"
    age = f", up to an age of {_span(settings['max_age_seconds'])}" if settings["max_age_seconds"] >= 0 else ""
    halved = ", halved at each failure" if settings["bisect"] else ""
    reported = ", from the first record that the function reports" if settings["report_failures"] else ""
    left = None if settings["max_retries"] < 0 else int(settings["max_retries"])
    return f"A failing batch is tried again {retries}{age}{halved}{reported}. {_afterwards(facts, left)}"


def _dead(facts: Facts) -> Iterator[str]:
    for letter in facts.dead_letters:
        why = "was too old" if letter.condition == "RecordAgeExceeded" else f"failed {letter.attempts} times"
        yield (
            f"Given up at {letter.at}: {letter.records:,} record{'s' if letter.records != 1 else ''} of "
            f"{letter.shard_id} from {letter.first} to {letter.last}, which {why}; they lie at {inert(letter.place)}."
        )


def _moving(facts: Facts) -> str:
    where = f"{facts.function} on {facts.stream}"
    if facts.shards is not None:
        undone = sum(shard["undone"] for shard in facts.shards.values())
        waits = [batch["due_in_seconds"] for shard in facts.shards.values() for batch in shard["batches"]]
        if not undone:
            return f"{where}: nothing waits. Every record in {len(facts.shards)} shards is done."
        due = f"; the next batch goes out in {_span(min(waits))}" if waits and None not in waits else ""
        return f"{where}: it moves. {undone:,} records are at hand{due}."
    if not facts.metrics.get("invocations"):
        return f"{where}: it was not invoked in {WINDOW_MINUTES} minutes: nothing comes in, or nothing is to be read."
    age = _span(facts.metrics.get("age_now", 0.0))
    return f"{where}: it moves. {facts.metrics['invocations']:,.0f} invocations, the oldest record was {age} old."


def _logs(facts: Facts) -> str:
    return f"streamkeeper logs {facts.function}"


def _times(attempts: int) -> str:
    return "" if attempts < 2 else f" {attempts} times"


def _span(seconds: float) -> str:
    """A time as people say it.

    >>> [_span(value) for value in (0.4, 59, 61, 7300, 200000)]
    ['0.4 s', '59 s', '1 min', '2 h 1 min', '2 d 7 h']
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 and seconds != int(seconds) else f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 60 * 48:
        return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")
    return f"{minutes // 1440} d" + (f" {minutes // 60 % 24} h" if minutes // 60 % 24 else "")
