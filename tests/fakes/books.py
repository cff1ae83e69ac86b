"""What was sent to the laptop runtime and what became of it, by shard and sequence number."""

import time
from collections.abc import Sequence

from athena.aws.engine import AthenaEngine
from glue.system_clock import SystemClock
from infra.accounting import Account, Coordinate
from infra.demo import Lake, dead_lettered
from infra.local.twin import Twin
from producers.aws.kinesis import KinesisStream
from producers.delivery.sending import deliver
from producers.ports import OutRecord, PutResult
from producers.synthetic.content import Shares, synthetic

ALL_DAYS = "'2020-01-01'"


class Sent:
    """What the producer was told: where each record lies, and the event in it."""

    def __init__(self) -> None:
        self.places: dict[Coordinate, str] = {}

    def accepted(self, taken: Sequence[tuple[OutRecord, PutResult]]) -> None:
        for record, result in taken:
            self.places[str(result.shard_id), str(result.sequence_number)] = record.event_id


def send(twin: Twin, count: int, *, seed: int, shares: Shares | None = None) -> Sent:
    sent = Sent()
    made = synthetic(count, seed=seed, now=time.time(), shares=shares)
    records = [OutRecord(one.event_id or one.kind, one.partition_key, one.payload) for one in made]
    stream = KinesisStream(twin.outputs["ContentStreamName"])
    report = deliver(records, stream, clock=SystemClock(), on_accepted=sent.accepted)
    assert report.failed == []
    assert len(sent.places) == count
    return sent


def ask(twin: Twin) -> Lake:
    return Lake(AthenaEngine(twin.client("athena")), twin.outputs["DatabaseName"], twin.outputs["WorkGroupName"])


def places(lake: Lake, table: str) -> set[Coordinate]:
    answer = lake.run(f"SELECT DISTINCT shard_id, sequence_number FROM {table} WHERE dt >= ?", [ALL_DAYS])
    return {(str(shard), str(sequence)) for shard, sequence in answer.rows}


def assert_books_balance(twin: Twin, sent: Sent, before: set[Coordinate]) -> Account:
    lake = ask(twin)
    account = Account(
        accepted=sent.places.keys(),
        landed=places(lake, "verdicts") - before,
        quarantined=places(lake, "quarantine") - before,
        dead_lettered=dead_lettered(twin.client("s3"), twin.outputs["DeadLetterBucketName"]) - before,
    )
    assert (account.missing, account.ghosts, account.doubled) == (set(), set(), set())
    rows, events = lake.run(
        "SELECT count(*), count(DISTINCT event_id) FROM current_verdicts WHERE dt >= ?", [ALL_DAYS]
    ).rows[0]
    assert rows == events
    landed = {str(row[0]) for row in lake.run("SELECT event_id FROM current_verdicts WHERE dt >= ?", [ALL_DAYS]).rows}
    assert landed >= {sent.places[place] for place in account.landed}
    return account


def everything(twin: Twin) -> set[Coordinate]:
    lake = ask(twin)
    dead = dead_lettered(twin.client("s3"), twin.outputs["DeadLetterBucketName"])
    return places(lake, "verdicts") | places(lake, "quarantine") | dead
