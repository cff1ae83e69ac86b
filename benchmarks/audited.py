"""``python -m benchmarks.audited``: the audit of a large lake beside a count of its own, sound and with planted faults.

The lake has as many events as asked for, in objects of some 50 MB, and records that are no events. Its ids are counted
here with ``json`` and ``pyarrow`` alone, no line of the audit's; then the audit must say the same.
"""

import base64
import gzip
import hashlib
import io
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import click
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from athena.aws.engine import AthenaEngine
from consumers.batch import Batch, Record
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.rows import RowMaker
from glue.catalog.lake import write_table
from glue.catalog.render.arrow import arrow_schema
from glue.catalog.render.hive import columns
from glue.catalog.tables import QUARANTINE, VERDICTS, Table
from glue.codec import Lateness, landed_timestamp
from infra.audit.auditing import Auditor
from infra.audit.lake import S3Lake
from infra.local.twin import Twin
from producers.synthetic.content import Shares, synthetic

DAY = datetime(2026, 11, 20, tzinfo=UTC)
ARRIVED = DAY + timedelta(hours=12)
PER_OBJECT = 350_000
"""Events of an object; with some noise in each, its gzip has some 50 MB."""
BASE = 400


class Base:
    """A few events as they are judged; the lake's are copies of them under other ids."""

    def __init__(self) -> None:
        shares = Shares(malformed=0.0, duplicate=0.0, live=1.0)
        made = list(synthetic(BASE, now=(ARRIVED - timedelta(minutes=1)).timestamp(), seed=1, shares=shares))
        self.payloads = [one.payload for one in made]
        self.ids = [str(one.event_id) for one in made]
        records = [_record(number, payload) for number, payload in enumerate(self.payloads)]
        maker = RowMaker(Moderator(Policy.load(read_policy("default"))), Lateness(), code_version="1")
        rows = maker.make(Batch(records, [], []), ARRIVED + timedelta(seconds=2))
        self.verdicts = _table(VERDICTS, [msgspec.to_builtins(row) for row in rows.verdicts])
        assert self.verdicts.num_rows == BASE
        self.maker = maker

    def set_aside(self, payloads: Sequence[bytes]) -> pa.Table:
        """The quarantine rows of what is no event."""
        records = [_record(10**9 + number, payload) for number, payload in enumerate(payloads)]
        rows = self.maker.make(Batch(records, [], []), ARRIVED + timedelta(seconds=2))
        return _table(QUARANTINE, [msgspec.to_builtins(row) for row in rows.bad])


def _record(number: int, payload: bytes) -> Record:
    return Record(
        position=number,
        payload=payload,
        arrived_at=ARRIVED,
        arrived=landed_timestamp(ARRIVED),
        shard_id="shardId-000000000000",
        sequence_number=str(10**20 + number),
        sub_sequence_number=0,
        partition_key="k",
    )


def _table(table: Table, rows: Sequence[dict[str, Any]]) -> pa.Table:
    schema = arrow_schema((column.name, column.type) for column in columns(table))
    for row in rows:
        for field in schema:
            if pa.types.is_timestamp(field.type):
                row[field.name] = datetime.fromisoformat(row[field.name])
    return pa.Table.from_pylist(list(rows), schema=schema)


def fill(objects: Any, bucket: str, *, events: int, lost: int, made_up: int, seed: int) -> None:
    """Makes the lake.

    Args:
        objects: takes the files.
        bucket: of the lake.
        events: archived, each once.
        lost: of how many the verdict is left out.
        made_up: verdicts on nothing.
        seed: the same one makes the same lake.
    """
    base, chance = Base(), random.Random(seed)
    schema = base.verdicts.schema
    left_out = set(chance.sample(range(events), lost))
    garbage = [b"no event %d" % number for number in range(events // 100)]
    for at in range(0, events, PER_OBJECT):
        part = at // PER_OBJECT
        ids = [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(at, min(events, at + PER_OBJECT))]
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1, mtime=0) as file:
            for number, event_id in enumerate(ids):
                payload = base.payloads[number % BASE].replace(base.ids[number % BASE].encode(), event_id.encode())
                file.write(b'%s,"noise":"%s"}\n' % (payload[:-1], chance.randbytes(45).hex().encode()))
            for line in garbage[part :: -(-events // PER_OBJECT)]:
                file.write(line + b"\n")
        name = f"streamkeeper-archive-1-{ARRIVED:%Y-%m-%d-%H-%M-%S}-{part:08d}.gz"
        objects.put(bucket, f"archive/dt={DAY:%Y-%m-%d}/{name}", packed.getvalue())
        kept = [number for number in range(len(ids)) if at + number not in left_out]
        landed = [ids[number] for number in kept]
        if part == 0:
            landed += [str(UUID(int=chance.getrandbits(128), version=4)) for _ in range(made_up)]
            kept += [0] * made_up
        rows = base.verdicts.take(pa.array([number % BASE for number in kept]))
        changed = {
            "event_id": landed,
            "verdict_id": [one.replace("-", "") for one in landed],
            "fingerprint": [one.replace("-", "") for one in landed],
            "sequence_number": [str(10**21 + at + number) for number in range(len(landed))],
        }
        for column, values in changed.items():
            rows = rows.set_column(schema.get_field_index(column), schema.field(column), pa.array(values))
        by_day = f"{base.verdicts['created_at'][0].as_py():%Y-%m-%d}"
        objects.put(bucket, f"verdicts/dt={by_day}/part-{part:04d}.parquet", write_table(rows, schema))
        _told(f"{at + len(ids):,} events, object of {packed.tell() / 1e6:.0f} MB")
    aside = base.set_aside(garbage)
    objects.put(bucket, f"quarantine/dt={DAY:%Y-%m-%d}/part.parquet", write_table(aside, aside.schema))


def counted(client: Any, bucket: str) -> dict[str, int]:
    """The lake's ids, counted from its objects."""

    def bodies(prefix: str) -> Iterator[bytes]:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for one in page.get("Contents", ()):
                yield client.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()

    def name(data: bytes) -> str:
        try:
            return str(json.loads(data)["event_id"])
        except (ValueError, TypeError, KeyError):
            return hashlib.md5(data).hexdigest()

    archived = {name(line) for body in bodies("archive/") for line in gzip.decompress(body).splitlines()}
    landed: set[str] = set()
    for body in bodies("verdicts/"):
        landed.update(pq.read_table(io.BytesIO(body), columns=["event_id"])["event_id"].to_pylist())
    aside = {
        name(base64.b64decode(payload))
        for body in bodies("quarantine/")
        for payload in pq.read_table(io.BytesIO(body), columns=["payload"])["payload"].to_pylist()
    }
    return {
        "archived": len(archived),
        "landed": len(archived & landed),
        "quarantined": len(archived & aside),
        "missing": len(archived - landed - aside),
        "ghosts": len((landed | aside) - archived),
    }


def _told(text: str) -> None:
    click.echo(text, err=True)


@click.command()
@click.option("--events", default=2_000_000, show_default=True, help="Events in each of the two lakes.")
@click.option("--lost", default=137, show_default=True, help="Verdicts left out of the second.")
@click.option("--made-up", default=53, show_default=True, help="Verdicts on nothing in the second.")
@click.option("--seed", default=1, show_default=True)
def main(events: int, lost: int, made_up: int, seed: int) -> None:
    """Audit a sound lake and one with faults, and count both by another way."""
    wrong = 0
    for title, missing, ghosts in (("sound", 0, 0), ("with faults", lost, made_up)):
        with Twin() as twin:
            bucket = twin.outputs["LakeBucketName"]
            fill(twin.objects, bucket, events=events, lost=missing, made_up=ghosts, seed=seed)
            client = twin.client("s3")
            expected = counted(client, bucket)
            begun = time.perf_counter()
            auditor = Auditor(
                engine=AthenaEngine(twin.client("athena")),
                database=twin.outputs["DatabaseName"],
                workgroup=twin.outputs["WorkGroupName"],
                lake=S3Lake(bucket, client=client),
                letters=S3Lake(twin.outputs["DeadLetterBucketName"], client=client),
            )
            report = auditor.audit(
                audit_id="a", start=DAY, end=DAY + timedelta(days=1), now=datetime.now(UTC) + timedelta(days=1)
            )
            seconds = time.perf_counter() - begun
        said = {name: report.count(name) for name in expected}
        agrees = said == expected and report.is_clean == (missing == ghosts == 0)
        wrong += not agrees
        _told(f"{title}: {seconds:.0f} s; clean: {report.is_clean}")
        click.echo(f"{title:<12} {'':>12}{''.join(f'{name:>14}' for name in expected)}")
        click.echo(f"{'':<12} {'counted':>12}{''.join(f'{one:>14,}' for one in expected.values())}")
        click.echo(f"{'':<12} {'the audit':>12}{''.join(f'{one:>14,}' for one in said.values())}")
        for kind in sorted({finding.kind for finding in report.findings} - {"missing", "ghost"}):
            click.echo(f"  also {kind}: {sum(one.kind == kind for one in report.findings)}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
