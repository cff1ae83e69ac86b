"""Aggregated producing on the laptop runtime, through a reshard: every id lands once, with its place inside."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from athena.aws.engine import AthenaEngine
from glue.system_clock import SystemClock
from infra.demo import Lake
from infra.local.twin import Twin
from producers.aws.kinesis import KinesisStream
from producers.aws.mappings import aggregate_troubles
from producers.delivery.aggregated import AggregatedDelivery
from producers.delivery.aggregating import Packer
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.ports import OutRecord, PutResult
from producers.synthetic.content import Shares, synthetic

DAYS = ["'2020-01-01'"]


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(parameters={"ShardCount": "2", "BatchSize": "50"}) as running:
        yield running


@pytest.mark.usefixtures("environment")
def test_aggregated_events_all_land_by_id_with_their_place_in_the_aggregate_through_a_reshard(twin: Twin) -> None:
    # given made-up events, some of them broken, and where each was put
    placed: dict[tuple[str, str, int], str] = {}

    def accepted(taken: Sequence[tuple[OutRecord, PutResult]]) -> None:
        for record, result in taken:
            for sub, event_id in enumerate(record.event_ids):
                placed[str(result.shard_id), str(result.sequence_number), sub] = event_id

    name = twin.outputs["ContentStreamName"]
    assert aggregate_troubles(name) == []
    records = [
        OutRecord(one.event_id or f"broken-{place}", one.partition_key, one.payload)
        for place, one in enumerate(synthetic(3_000, seed=21, now=time.time(), shares=Shares(malformed=0.02)))
    ]
    clock = SystemClock()
    inner = open_delivery(
        KinesisStream(name), clock=clock, settings=DeliverySettings(linger=0.05), on_accepted=accepted
    )
    delivery = AggregatedDelivery(inner, Packer(buckets=16, max_records=40), clock=clock)
    # when they are sent as aggregates, and the stream is split in the middle of it
    for place, record in enumerate(records):
        delivery.put(record)
        if place == 1_500:
            delivery.flush()
            twin.client("kinesis").update_shard_count(
                StreamName=name, TargetShardCount=4, ScalingType="UNIFORM_SCALING"
            )
    report = delivery.close()
    assert (report.accepted, report.failed) == (3_000, [])
    assert twin.drain(600)["drained"]
    # then each event is in one place, the one it was put to
    lake = Lake(AthenaEngine(twin.client("athena")), twin.outputs["DatabaseName"], twin.outputs["WorkGroupName"])
    coordinates = "shard_id, sequence_number, sub_sequence_number"
    landed = places(lake.run(f"SELECT DISTINCT {coordinates}, event_id FROM verdicts WHERE dt >= ?", DAYS).rows)
    bad = places(lake.run(f"SELECT DISTINCT {coordinates} FROM quarantine WHERE dt >= ?", DAYS).rows)
    assert landed.keys() | bad.keys() == placed.keys()
    assert landed.keys() & bad.keys() == set()
    assert all(event_id == placed[place] for place, event_id in landed.items())
    assert max(sub for _, _, sub in landed) >= 20
    assert len({shard for shard, _, _ in placed}) > 2
    # and the view has each event once
    [(rows, events)] = lake.run(
        "SELECT count(*), count(DISTINCT event_id) FROM current_verdicts WHERE dt >= ?", DAYS
    ).rows
    assert rows == events == len(set(landed.values()))


@pytest.mark.usefixtures("environment")
def test_a_mapping_that_cannot_read_aggregates_is_found_before_the_first_one_is_sent(twin: Twin) -> None:
    lambda_: Any = twin.client("lambda")
    name = twin.outputs["ContentStreamName"]
    mapping = twin.outputs["ModerateMappingId"]
    lambda_.update_event_source_mapping(UUID=mapping, ParallelizationFactor=2)
    try:
        [trouble] = aggregate_troubles(name)
    finally:
        lambda_.update_event_source_mapping(UUID=mapping, ParallelizationFactor=1)
    assert "ParallelizationFactor 2; allowed with aggregates: 1" in trouble
    assert aggregate_troubles(name) == aggregate_troubles("nowhere") == []


def places(rows: Sequence[Sequence[Any]]) -> dict[tuple[str, str, int], str]:
    return {(str(row[0]), str(row[1]), int(row[2])): str(row[3]) if len(row) > 3 else "" for row in rows}
