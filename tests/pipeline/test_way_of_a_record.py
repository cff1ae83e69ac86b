"""The whole way of a record on the laptop runtime, counted by ids."""

from collections.abc import Iterator

import pytest

from infra.local.twin import Twin
from producers.synthetic.content import Shares
from tests.fakes.books import assert_books_balance, everything, send


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(parameters={"ShardCount": "2", "BatchSize": "250"}) as running:
        yield running


@pytest.mark.usefixtures("environment")
def test_good_and_broken_records_each_end_in_one_place(twin: Twin) -> None:
    before = everything(twin)
    sent = send(twin, 2_000, seed=11, shares=Shares(malformed=0.05, duplicate=0.05))
    assert twin.drain(600)["drained"]
    account = assert_books_balance(twin, sent, before)
    assert 50 < len(account.quarantined) < 200
    assert account.dead_lettered == set()
