"""The whole way of a record on the laptop runtime, under kills and partial failures: counted by ids."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from infra.local.twin import Twin
from producers.synthetic.content import Shares
from tests.fakes.books import ALL_DAYS, ask, assert_books_balance, everything, send
from tests.fakes.handlers import handler_of, log_of
from tests.fakes.until import until
from tests.pipeline.mortal_handler import DEATHS

HERE = Path(__file__).parent


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
    lake = ask(twin)
    [(rows, distinct)] = lake.run(
        "SELECT count(*), count(DISTINCT verdict_id) FROM verdicts WHERE dt >= ?", [ALL_DAYS]
    ).rows
    assert rows >= distinct
