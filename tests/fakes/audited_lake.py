"""A small lake as the pipeline leaves it, with an Athena over it: what audits are tried on."""

import gzip
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from athena.engine import Answer, Column, QueryFailed
from athena.values import from_text
from consumers.batch import Batch, Record
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.rows import RowMaker, lines
from glue.archive import Entry, pack
from glue.catalog.lake import read_table, write_table
from glue.catalog.render.arrow import arrow_schema
from glue.catalog.render.hive import columns, table_parameters
from glue.catalog.tables import ALL_TABLES, QUARANTINE, VERDICTS, Table
from glue.codec import Lateness, landed_timestamp
from infra.audit.auditing import Auditor, Deciding
from infra.audit.findings import AuditReport
from infra.audit.lake import LakeObject, UnreadableError
from infra.local.athena.engine import QueryEngine, Running
from infra.local.athena.errors import QueryError
from infra.local.athena.rendering import text_of
from infra.local.athena.translation import Translated
from producers.synthetic.content import Shares, synthetic
from tests.fakes.query_ports import SESSIONS, FakeCatalog, FakeObjects, parquet_table

LAKE, LETTERS = "lake", "letters"
START = datetime(2026, 11, 20, tzinfo=UTC)
END = START + timedelta(days=1)
NOW = END + timedelta(hours=6)
ARRIVED = START + timedelta(hours=12)
POLICY = Policy.load(read_policy("default"))
MODERATOR = Moderator(POLICY)
_TEXT_SERDE = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"


class FakeLake:
    """A bucket of :class:`FakeObjects`."""

    def __init__(self, objects: FakeObjects, bucket: str) -> None:
        self._objects = objects
        self._bucket = bucket

    @property
    def address(self) -> str:
        return f"s3://{self._bucket}/"

    def objects(self, prefix: str) -> list[LakeObject]:
        return [
            LakeObject(one.key, one.size, one.etag, (ARRIVED + timedelta(minutes=5)).timestamp())
            for one in self._objects.list(self._bucket, prefix)
        ]

    def read(self, key: str) -> bytes:
        if (self._bucket, key) not in self._objects.stored:
            raise UnreadableError("it is gone")
        return self._objects.stored[self._bucket, key]

    def write(self, key: str, data: bytes) -> None:
        self._objects.stored[self._bucket, key] = data


class LocalEngine:
    """Athena's answers, straight from the query engine, which reads each statement once."""

    def __init__(self, engine: QueryEngine) -> None:
        self._engine = engine
        self._translated: dict[tuple[str, ...], Translated] = {}

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        running = Running()
        now = NOW.timestamp()
        try:
            query = self._translate(sql, parameters, database, now)
            rows = [
                tuple(
                    from_text(c.type.text, text_of(value, c.type)) for value, c in zip(row, query.columns, strict=True)
                )
                for batch in self._engine.rows(query, running, now=now)
                for row in batch
            ]
        except QueryError as error:
            raise QueryFailed(str(error)) from error
        found = tuple(Column(c.shown, c.type.text) for c in query.columns)
        return Answer(columns=found, rows=rows, bytes_scanned=running.meter.total, engine_ms=1, query_id="q")

    def _translate(self, sql: str, parameters: Sequence[str], database: str, now: float) -> Translated:
        asked = (database, sql, *parameters)
        if asked not in self._translated:
            self._translated[asked] = self._engine.translate(
                sql, database=database, now=now, parameters=list(parameters)
            )
        return self._translated[asked]


def schema_of(table: Table) -> Any:
    """The Arrow schema of a table."""
    return arrow_schema((column.name, column.type) for column in columns(table))


def _glue_table(table: Table) -> dict[str, Any]:
    kinds = {column.name: column.type for column in columns(table)}
    made = parquet_table(
        table.name,
        kinds,
        location=f"s3://{LAKE}/{table.prefix}",
        partitions={"dt": "string"},
        # The days from 2020 on would be looked through by every query.
        parameters={**table_parameters(table, LAKE), "projection.dt.range": "2026-01-01,NOW+12DAYS"},
    )
    if table.form == "lines":
        made["StorageDescriptor"]["SerdeInfo"] = {"SerializationLibrary": _TEXT_SERDE}
    return made


class AuditedLake:
    """Archive, verdicts, quarantine and dead letters of one day's records.

    Args:
        records: how many.
        dead: how many of them Lambda gave up on.
        packed: whether the archiver wrote the archive, in batches that overlap; else Firehose did, as it once was.
    """

    def __init__(self, records: int = 150, *, dead: int = 3, seed: int = 1, packed: bool = True) -> None:
        self.packed = packed
        self.store = FakeObjects()
        self.lake, self.letters = FakeLake(self.store, LAKE), FakeLake(self.store, LETTERS)
        catalog = FakeCatalog()
        for table in ALL_TABLES:
            catalog.create_table("default", _glue_table(table))
        self.engine = LocalEngine(QueryEngine(objects=self.store, catalog=catalog, sessions=SESSIONS))
        shares = Shares(malformed=0.15, duplicate=0.05, live=1.0)
        made = synthetic(records, now=(ARRIVED - timedelta(minutes=1)).timestamp(), seed=seed, shares=shares)
        payloads = [record.payload for record in made if record.payload[:4] != b"\xf3\x89\x9a\xc2"]
        payloads.append(_over_lines(payloads[0]))
        self._land(payloads, dead=dead)

    def _land(self, payloads: list[bytes], *, dead: int) -> None:
        records = self._records(payloads)
        lost = records[5 : 5 + dead]
        self._letter(lost)
        self._decide([record for record in records if record not in lost], part="part")
        third = len(payloads) // 3
        if self.packed:
            for start, end in ((0, third), (third, 2 * third), (2 * third, len(records)), (third - 5, third + 20)):
                self._pack(records[start:end])
            return
        for number, part in enumerate((payloads[:third], payloads[third : 2 * third], payloads[2 * third :])):
            key = f"archive/dt=2026-11-20/streamkeeper-archive-1-2026-11-20-12-00-0{number}-{number:08d}.gz"
            self.lake.write(key, gzip.compress(b"".join(payload + b"\n" for payload in part), mtime=0))

    def give_up_archiving(self, payloads: Sequence[bytes]) -> None:
        """Lands records of the stream that the archiver could not keep."""
        records = self._records(payloads, first=7_000)
        self._decide(records, part="unarchived")
        self._letter(records, function="sk-archive", name="archiver")

    def _pack(self, records: Sequence[Record]) -> None:
        """What the archiver makes of a batch of each shard."""
        entries = [
            Entry(one.payload, one.shard_id, one.sequence_number, one.sub_sequence_number, one.arrived_at)
            for one in records
        ]
        for made in pack(entries):
            self.lake.write(made.key, made.body)

    def land_deferred(self, payloads: Sequence[bytes]) -> None:
        """Lands records of the deferred lane; the archive keeps them as they were put, with no line feed but theirs."""
        self._decide(self._records([payload.removesuffix(b"\n") for payload in payloads], first=5_000), part="deferred")
        key = "archive/dt=2026-11-20/streamkeeper-deferred-1-2026-11-20-12-00-00-99999999.gz"
        self.lake.write(key, gzip.compress(b"".join(payloads), mtime=0))

    def land(self, payloads: Sequence[bytes]) -> None:
        """Lands more records of the stream."""
        self._decide(self._records(payloads, first=9_000), part="more")
        self.archive(payloads)

    def archive(self, payloads: Sequence[bytes]) -> None:
        """Keeps more records of the stream; nothing becomes of them."""
        if self.packed:
            self._pack(self._records(payloads, first=9_000))
            return
        key = "archive/dt=2026-11-20/streamkeeper-archive-1-2026-11-20-12-00-00-88888888.gz"
        self.lake.write(key, gzip.compress(b"".join(payload + b"\n" for payload in payloads), mtime=0))

    @staticmethod
    def _records(payloads: Sequence[bytes], *, first: int = 0) -> list[Record]:
        return [
            Record(
                position=number,
                payload=payload,
                arrived_at=ARRIVED + timedelta(seconds=number % 60),
                arrived=landed_timestamp(ARRIVED + timedelta(seconds=number % 60)),
                shard_id=f"shardId-00000000000{number % 2}",
                sequence_number=str(10**20 + number),
                sub_sequence_number=0,
                partition_key="k",
            )
            for number, payload in enumerate(payloads, start=first)
        ]

    def _decide(self, records: list[Record], *, part: str) -> None:
        """Writes the rows that the consumer would make of records."""
        decided_at = ARRIVED + timedelta(seconds=90)
        maker = RowMaker(MODERATOR, Lateness(), code_version="1")
        rows = maker.make(Batch(records, [], []), decided_at)
        rows = maker.without(rows, lines(rows.judged)[1], decided_at)
        for table, found, day in ((VERDICTS, rows.verdicts, "created_at"), (QUARANTINE, rows.bad, "arrived_at")):
            values = [msgspec.to_builtins(row) for row in found]
            by_day: dict[str, list[dict[str, Any]]] = {}
            for row in values:
                by_day.setdefault(row[day][:10], []).append(row)
            for name, members in by_day.items():
                for number, some in enumerate((members[::2], members[1::2])):
                    if some:
                        self.put_rows(table, f"{table.prefix}dt={name}/{part}-{number}.parquet", some)

    def _letter(self, records: Sequence[Record], *, function: str = "sk-moderate", name: str = "letter") -> None:
        import base64

        entries = [
            {
                "eventID": f"{record.shard_id}:{record.sequence_number}",
                "kinesis": {
                    "data": base64.b64encode(record.payload).decode(),
                    "approximateArrivalTimestamp": record.arrived_at.timestamp(),
                    "partitionKey": "k",
                },
            }
            for record in records
        ]
        context = {"functionArn": f"arn:aws:lambda:us-east-1:1:function:{function}"}
        document = {"requestContext": context, "payload": json.dumps({"Records": entries})}
        self.letters.write(f"aws/lambda/esm/shardId-000000000000/{name}", json.dumps(document).encode())

    def put_rows(self, table: Table, key: str, rows: Sequence[dict[str, Any]]) -> None:
        """Writes an object of these rows; timestamps may be texts."""
        schema = schema_of(table)
        kinds = {field.name: field.type for field in schema}
        typed = [
            {
                name: datetime.fromisoformat(value)
                if pa.types.is_timestamp(kinds[name]) and isinstance(value, str)
                else value
                for name, value in row.items()
            }
            for row in rows
        ]
        self.lake.write(key, write_table(pa.Table.from_pylist(typed, schema=schema), schema))

    def rows(self, key: str) -> list[dict[str, Any]]:
        """The rows of an object."""
        found: list[dict[str, Any]] = read_table(self.lake.read(key)).to_pylist()
        return found

    def keys(self, prefix: str) -> list[str]:
        """The keys of a folder."""
        return [one.key for one in self.lake.objects(prefix)]

    def auditor(self) -> Auditor:
        """An auditor of this lake."""
        return Auditor(engine=self.engine, database="default", workgroup="w", lake=self.lake, letters=self.letters)

    def audit(self, *, keep: bool = False, verify: bool = True, audit_id: str = "a1") -> AuditReport:
        """What an audit of the day says."""
        auditor = self.auditor()
        report = auditor.audit(
            audit_id=audit_id,
            start=START,
            end=END,
            now=NOW,
            deciding=Deciding(moderators_at_hand) if verify else None,
        )
        if keep:
            auditor.keep(report)
        return report

    def state(self) -> dict[tuple[str, str], bytes]:
        """All objects, to come back to."""
        return dict(self.store.stored)

    def restore(self, state: dict[tuple[str, str], bytes]) -> None:
        """Brings all objects back."""
        self.store.stored = dict(state)


def _moment(value: Any) -> Any:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def moderators_at_hand(policy_id: str, version: str) -> Moderator | None:
    """The default policy, and no other."""
    return MODERATOR if (policy_id, version) == (POLICY.id, POLICY.version) else None


def _over_lines(payload: bytes) -> bytes:
    """An event of its own, written over several lines."""
    document = json.loads(payload)
    document["event_id"] = f"{hashlib.sha256(payload).hexdigest()[:8]}-0000-7000-8000-000000000000"
    return json.dumps(document, indent=1).encode()
