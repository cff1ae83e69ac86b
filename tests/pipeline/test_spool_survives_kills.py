"""A producer with a spool is killed with -9 again and again: every id that it had accepted lands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from athena.aws.engine import AthenaEngine
from benchmarks.kills import ids_in_stream, kill_loop
from infra.demo import Lake
from infra.local.twin import Twin


@pytest.fixture
def twin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Twin]:
    with Twin(parameters={"ShardCount": "2"}) as running:
        monkeypatch.setenv("AWS_ENDPOINT_URL", running.endpoint_url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        monkeypatch.setenv("AWS_DEFAULT_REGION", running.region)
        yield running


def test_every_id_accepted_before_a_kill_lands_after_a_flush(twin: Twin, tmp_path: Path) -> None:
    lake = Lake(AthenaEngine(twin.client("athena")), twin.outputs["DatabaseName"], twin.outputs["WorkGroupName"])

    def landed() -> set[str]:
        rows = lake.run("SELECT DISTINCT event_id FROM verdicts WHERE dt >= '2020-01-01'").rows
        return {str(row[0]) for row in rows}

    kills = kill_loop(
        tmp_path,
        stream=twin.outputs["ContentStreamName"],
        rounds=4,
        seed=7,
        drain=lambda: twin.drain(600),
        landed=landed,
        in_stream=lambda: ids_in_stream(twin.client("kinesis"), twin.outputs["ContentStreamName"]),
    )
    assert kills.is_drained
    assert kills.lost == frozenset(), str(kills)
    assert kills.accepted > 100
    assert not list((tmp_path / "spool").glob("*.segment"))
