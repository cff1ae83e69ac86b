"""The whole way of a record on the laptop runtime, under kills, partial failures and garbage: counted by ids."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from athena.aws.engine import AthenaEngine
from glue.system_clock import SystemClock
from infra.accounting import Account, Coordinate
from infra.demo import Asked, dead_lettered
from infra.local.twin import Twin
from producers.delivery.sending import deliver
from producers.ports import OutRecord, PutResult
from producers.synthetic.content import Shares, synthetic
from tests.fakes.handlers import handler_of, log_of
from tests.fakes.until import until
from tests.pipeline.mortal_handler import DEATHS

HERE = Path(__file__).parent
ALL_DAYS = "'2020-01-01'"


class SomeRowsFail:
    """Delivery streams that turn away every third record of the calls they get, until told otherwise."""

    def __init__(self) -> None:
        self.on = False
        self.turned_away = 0

    def failing(self, stream: str, records: Sequence[bytes]) -> Sequence[int]:
        del stream
        if not self.on:
            return ()
        positions = range(self.turned_away % 2, len(records), 3)
        self.turned_away += len(positions)
        return tuple(positions)


@pytest.fixture(scope="module")
def faults() -> SomeRowsFail:
    return SomeRowsFail()


@pytest.fixture(scope="module")
def twin(faults: SomeRowsFail) -> Iterator[Twin]:
    with Twin(parameters={"ShardCount": "2", "BatchSize": "250"}, put_faults=faults) as running:
        yield running


@pytest.fixture
def environment(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a user pastes from `streamkeeper up`."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", twin.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", twin.region)


class Sent:
    """What the producer was told: where each record lies, and the event in it."""

    def __init__(self) -> None:
        self.places: dict[Coordinate, str] = {}

    def accepted(self, taken: Sequence[tuple[OutRecord, PutResult]]) -> None:
        for record, result in taken:
            self.places[str(result.shard_id), str(result.sequence_number)] = record.event_id


def send(twin: Twin, count: int, *, seed: int, shares: Shares | None = None) -> Sent:
    from producers.aws.kinesis import KinesisStream

    sent = Sent()
    made = synthetic(count, seed=seed, now=time.time(), shares=shares)
    records = [OutRecord(one.event_id or one.kind, one.partition_key, one.payload) for one in made]
    stream = KinesisStream(twin.outputs["ContentStreamName"])
    report = deliver(records, stream, clock=SystemClock(), on_accepted=sent.accepted)
    assert report.failed == []
    assert len(sent.places) == count
    return sent


def ask(twin: Twin) -> Asked:
    return Asked(AthenaEngine(twin.client("athena")), twin.outputs["DatabaseName"], twin.outputs["WorkGroupName"])


def places(asked: Asked, table: str) -> set[Coordinate]:
    answer = asked.run(f"SELECT DISTINCT shard_id, sequence_number FROM {table} WHERE dt >= ?", [ALL_DAYS])
    return {(str(shard), str(sequence)) for shard, sequence in answer.rows}


def assert_books_balance(twin: Twin, sent: Sent, before: set[Coordinate]) -> Account:
    asked = ask(twin)
    account = Account(
        accepted=sent.places.keys(),
        landed=places(asked, "verdicts") - before,
        quarantined=places(asked, "quarantine") - before,
        dead_lettered=dead_lettered(twin.client("s3"), twin.outputs["DeadLetterBucketName"]) - before,
    )
    assert (account.missing, account.ghosts, account.doubled) == (set(), set(), set())
    rows, events = asked.run(
        "SELECT count(*), count(DISTINCT event_id) FROM current_verdicts WHERE dt >= ?", [ALL_DAYS]
    ).rows[0]
    assert rows == events
    landed = {str(row[0]) for row in asked.run("SELECT event_id FROM current_verdicts WHERE dt >= ?", [ALL_DAYS]).rows}
    assert landed >= {sent.places[place] for place in account.landed}
    return account


def everything(twin: Twin) -> set[Coordinate]:
    asked = ask(twin)
    dead = dead_lettered(twin.client("s3"), twin.outputs["DeadLetterBucketName"])
    return places(asked, "verdicts") | places(asked, "quarantine") | dead


@pytest.mark.usefixtures("environment")
def test_good_and_broken_records_each_end_in_one_place(twin: Twin) -> None:
    before = everything(twin)
    sent = send(twin, 2_000, seed=11, shares=Shares(malformed=0.05, duplicate=0.05))
    assert twin.drain(600)["drained"]
    account = assert_books_balance(twin, sent, before)
    assert 50 < len(account.quarantined) < 200
    assert account.dead_lettered == set()


@pytest.mark.usefixtures("environment")
def test_rows_that_a_delivery_stream_turns_away_are_sent_again_and_land_once(twin: Twin, faults: SomeRowsFail) -> None:
    before = everything(twin)
    faults.on = True
    sent = send(twin, 2_000, seed=12)
    until(lambda: faults.turned_away > 0, "rows turned away")
    faults.on = False
    assert twin.drain(600)["drained"]
    assert faults.turned_away > 0
    assert_books_balance(twin, sent, before)


@pytest.mark.usefixtures("environment")
def test_a_consumer_killed_in_the_middle_of_its_batches_loses_nothing(
    twin: Twin, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = everything(twin)
    monkeypatch.syspath_prepend(str(HERE))
    variables = {"DEATHS": str(tmp_path)}
    with handler_of(twin, "ModerateFunctionName", "mortal_handler.handle", variables) as name:
        sent = send(twin, 1_500, seed=13, shares=Shares(malformed=0.02))
        assert twin.drain(600)["drained"]
    assert len(list(tmp_path.iterdir())) == len(DEATHS)
    deaths = [line for line in log_of(twin, name) if "signal: killed" in line]
    assert len(deaths) == len(DEATHS)
    assert_books_balance(twin, sent, before)
    # A batch that was killed after it landed lands again: rows repeat, and the view holds each event once.
    asked = ask(twin)
    [(rows, distinct)] = asked.run(
        "SELECT count(*), count(DISTINCT verdict_id) FROM verdicts WHERE dt >= ?", [ALL_DAYS]
    ).rows
    assert rows >= distinct
