"""``python -m benchmarks.year``: every report over a day, a week and a year of 10 million verdicts: bytes, seconds."""

import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, Protocol

import click
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from athena import reports
from athena.aws.engine import AthenaEngine
from athena.engine import EngineError
from glue.catalog.lake import write_table
from glue.catalog.render.arrow import arrow_schema
from glue.catalog.render.hive import columns
from glue.catalog.tables import QUARANTINE, VERDICTS
from infra.local.twin import Twin

ROWS, DAYS = 10_000_000, 365
LAST_DAY = date(2026, 11, 20)

_SURFACES = ("comment", "chat", "profile", "direct_message", "review", "forum")
_LANGUAGES = ("en", "de", "es", "fr", "pt", "pl", "tr", "ja", None)
_LABELS = ("spam", "insult", "threat", "personal_data", "scam", "sexual")
_RULES = {
    "spam": ("terms", "spam_words"),
    "insult": ("terms", "insults_strong"),
    "threat": ("patterns", "threats_intent"),
    "personal_data": ("personal_data", "email"),
    "scam": ("terms", "scam_phrases"),
    "sexual": ("model", "model_sexual"),
}
_WORDS = (
    "the",
    "cat",
    "sat",
    "on",
    "a",
    "mat",
    "and",
    "said",
    "nothing",
    "of",
    "what",
    "it",
    "had",
    "seen",
    "today",
    "again",
)
_TEXTS = 200_000
_HOURLY = np.array([3, 2, 2, 1, 1, 1, 2, 3, 4, 5, 5, 5, 6, 6, 6, 6, 6, 7, 8, 9, 9, 8, 6, 4], float)
_SCHEMA = arrow_schema((column.name, column.type) for column in columns(VERDICTS))
_BAD_SCHEMA = arrow_schema((column.name, column.type) for column in columns(QUARANTINE))


class Objects(Protocol):
    """Where the lake lies."""

    def put(self, bucket: str, key: str, body: bytes) -> str: ...


def fill(
    objects: Objects,
    bucket: str,
    *,
    rows: int = ROWS,
    days: int = DAYS,
    last_day: date = LAST_DAY,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> int:
    """Makes a lake: so many verdicts over so many days, one Parquet file a day; some quarantine besides. The same
    arguments make the same bytes.

    Args:
        objects: takes the files.
        bucket: of the lake.
        rows: verdicts in all.
        days: up to and with ``last_day``.
        progress: gets the days done, and their number.

    Returns:
        The bytes of all files.
    """
    size = 0
    for number in range(days):
        day = last_day - timedelta(days=days - 1 - number)
        count = rows * (number + 1) // days - rows * number // days
        body = write_table(verdicts_of(day, count), _SCHEMA)
        objects.put(bucket, f"verdicts/dt={day}/part-0000.parquet", body)
        bad = write_table(quarantine_of(day, max(1, count // 1000)), _BAD_SCHEMA)
        objects.put(bucket, f"quarantine/dt={day}/part-0000.parquet", bad)
        size += len(body) + len(bad)
        progress(number + 1, days)
    return size


def verdicts_of(day: date, count: int) -> pa.Table:
    """One day's verdicts: busy evenings, an author in ten thousand who posts most, one text in twelve acted on."""
    chance = np.random.default_rng(day.toordinal())
    midnight = np.datetime64(day, "us")
    hours = chance.choice(24, count, p=_HOURLY / _HOURLY.sum())
    created = np.sort(
        midnight + (hours * 3600 * 10**6 + chance.integers(0, 3600 * 10**6, count)).astype("timedelta64[us]")
    )
    arrived = created + (chance.gamma(2.0, 0.4, count) * 10**6).astype("timedelta64[us]")
    decided = arrived + (chance.gamma(2.0, 0.3, count) * 10**6 + 50_000).astype("timedelta64[us]")
    label = chance.choice(len(_LABELS) + 1, count, p=[0.04, 0.03, 0.005, 0.01, 0.004, 0.001, 0.91])
    found = label < len(_LABELS)
    score = np.where(found, 0.3 + 0.69 * chance.random(count), 0.0)
    action = np.where(~found | (score < 0.4), 0, np.where(score < 0.7, 1, np.where(score < 0.85, 2, 3)))
    authors = np.minimum((chance.pareto(0.9, count) * 20).astype(np.int64), 399_999)
    texts = chance.integers(0, _TEXTS, count)
    names = pa.array([*_LABELS, None])
    ends = np.concatenate([[0], np.cumsum(found)]).astype(np.int32)
    hit = label[found]
    signals = pa.StructArray.from_arrays(
        [
            pa.array([_RULES[one][0] for one in _LABELS]).take(pa.array(hit)),
            pa.array(_LABELS).take(pa.array(hit)),
            pa.array(np.round(score[found], 2)),
            pa.array([_RULES[one][1] for one in _LABELS]).take(pa.array(hit)),
        ],
        fields=list(_SCHEMA.field("signals").type.value_type),
    )
    event = _hex(chance, count)
    made: dict[str, Any] = {
        "verdict_id": _hex(chance, count),
        "event_id": event,
        "content_id": pc.binary_join_element_wise("content", pc.utf8_slice_codeunits(event, 0, 16), ":"),
        "author_id": pc.binary_join_element_wise("a", pa.array(authors).cast(pa.string()), "-"),
        "surface": _pick(chance, count, _SURFACES, [0.4, 0.3, 0.02, 0.08, 0.1, 0.1]),
        "language": _pick(chance, count, _LANGUAGES, [0.5, 0.1, 0.1, 0.07, 0.07, 0.05, 0.04, 0.04, 0.03]),
        "created_at": created,
        "arrived_at": arrived,
        "decided_at": decided,
        "mode": _same("live", count),
        "run_id": _same("", count),
        "action": pa.array(["allow", "flag", "review", "block"]).take(pa.array(action)),
        "labels": pa.ListArray.from_arrays(pa.array(ends), pa.array(_LABELS).take(pa.array(hit))),
        "top_label": names.take(pa.array(label)),
        "top_score": np.round(score, 2),
        "signals": pa.ListArray.from_arrays(pa.array(ends), signals),
        "policy_id": _same("default", count),
        "policy_version": _same(f"{day.toordinal() // 30:016x}", count),
        "flags": pa.ListArray.from_arrays(pa.array(np.zeros(count + 1, np.int32)), pa.array([], pa.string())),
        "text_length": chance.integers(5, 400, count),
        "text_fingerprint": _fingerprints().take(pa.array(texts)),
        "excerpt": _excerpts().take(pa.array(texts)),
        "shard_id": _pick(chance, count, [f"shardId-{n:012d}" for n in range(8)], [1 / 8] * 8),
        "sequence_number": pc.binary_join_element_wise(
            "4968042", pc.utf8_lpad(pa.array(np.arange(count) + day.toordinal() * 10**8).cast(pa.string()), 49, "0"), ""
        ),
        "sub_sequence_number": np.zeros(count, np.int64),
        "fingerprint": _hex(chance, count),
        "schema_version": np.ones(count, np.int64),
        "extra_json": pa.nulls(count, pa.string()),
    }
    return pa.table([pa.array(made[field.name]).cast(field.type) for field in _SCHEMA], schema=_SCHEMA)


def quarantine_of(day: date, count: int) -> pa.Table:
    """One day's records that were no events."""
    chance = np.random.default_rng(day.toordinal() + 10**6)
    arrived = np.datetime64(day, "us") + chance.integers(0, 86_400 * 10**6, count).astype("timedelta64[us]")
    made: dict[str, Any] = {
        "bad_row_id": _hex(chance, count),
        "reason": _pick(chance, count, ("json", "type", "tz"), [0.6, 0.3, 0.1]),
        "detail": _same("not one JSON document", count),
        "stage": _same("decode", count),
        "payload": pa.nulls(count, pa.string()),
        "payload_bytes": chance.integers(1, 900, count),
        "shard_id": _same("shardId-000000000000", count),
        "sequence_number": _hex(chance, count),
        "sub_sequence_number": np.zeros(count, np.int64),
        "partition_key": _hex(chance, count),
        "arrived_at": arrived,
        "quarantined_at": arrived + np.timedelta64(1, "s"),
        "code_version": _same("1", count),
    }
    return pa.table([pa.array(made[field.name]).cast(field.type) for field in _BAD_SCHEMA], schema=_BAD_SCHEMA)


@cache
def _excerpts() -> pa.Array:
    words = np.array(_WORDS)[np.random.default_rng(1).integers(0, len(_WORDS), (_TEXTS, 14))]
    return pa.array([" ".join(row) for row in words])


@cache
def _fingerprints() -> pa.Array:
    return _hex(np.random.default_rng(2), _TEXTS)


def _hex(chance: np.random.Generator, count: int) -> pa.Array:
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)[chance.integers(0, 16, count * 32, np.uint8)]
    ends = pa.py_buffer((np.arange(count + 1, dtype=np.int32) * 32).tobytes())
    return pa.StringArray.from_buffers(count, ends, pa.py_buffer(digits.tobytes()))


def _pick(chance: np.random.Generator, count: int, among: Sequence[str | None], shares: Sequence[float]) -> pa.Array:
    return pa.array(among, pa.string()).take(
        pa.array(chance.choice(len(among), count, p=np.array(shares) / sum(shares)))
    )


def _same(text: str, count: int) -> pa.Array:
    return pa.array([text]).take(pa.array(np.zeros(count, np.int64)))


@click.command(epilog="Example: python -m benchmarks.year --rows 1000000 --json")
@click.option("--rows", type=click.IntRange(1), default=ROWS, show_default=True)
@click.option("--days", type=click.IntRange(1, 2000), default=DAYS, show_default=True)
@click.option("--report", "only", multiple=True, help="Only this report; again for more.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(rows: int, days: int, only: tuple[str, ...], as_json: bool) -> None:
    """Makes the year on the laptop runtime, asks every report about its last day, last week and all of it."""
    show = sys.stderr.isatty()
    with Twin() as twin:
        started = time.perf_counter()

        def progress(done: int, of: int) -> None:
            if show:
                print(f"\rday {done} of {of}", end="", file=sys.stderr)

        size = fill(twin.objects, twin.outputs["LakeBucketName"], rows=rows, days=days, progress=progress)
        made = time.perf_counter() - started
        engine = AthenaEngine(twin.client("athena"))
        until = datetime.combine(LAST_DAY + timedelta(days=1), datetime.min.time(), UTC)
        spans = {"day": 1, "week": 7, "year": days}
        found: dict[str, dict[str, dict[str, float | str]]] = {}
        for name in only or reports.names():
            found[name] = {}
            for span, length in spans.items():
                values = {"since": until - timedelta(days=length), "until": until}
                began = time.perf_counter()
                try:
                    answer = reports.run(
                        reports.load(name),
                        values,
                        engine,
                        database=twin.outputs["DatabaseName"],
                        workgroup=twin.outputs["WorkGroupName"],
                    )
                except EngineError as error:
                    found[name][span] = {"failed": str(error).splitlines()[0][:200]}
                    continue
                found[name][span] = {
                    "megabytes": answer.bytes_scanned / 1e6,
                    "seconds": time.perf_counter() - began,
                    "rows": len(answer.rows),
                }
                if show:
                    print(f"\r{name} {span}: {found[name][span]}", file=sys.stderr)
    if as_json:
        print(json.dumps({"rows": rows, "days": days, "bytes": size, "seconds_to_make": made, "reports": found}))
        return
    print(
        f"{rows:,} verdicts over {days} days, {size / 1e6:,.0f} MB of Parquet made in {made:.0f} s; "
        f"Python {platform.python_version()}, {platform.machine()}\n"
    )
    print(f"{'report':22}" + "".join(f"{span + ' MB':>12}{'s':>8}" for span in spans))
    for name, by_span in found.items():
        cells = "".join(
            f"{'failed':>20}" if "failed" in one else f"{one['megabytes']:>12,.1f}{one['seconds']:>8.2f}"
            for one in by_span.values()
        )
        print(f"{name:22}{cells}")


if __name__ == "__main__":
    main()
