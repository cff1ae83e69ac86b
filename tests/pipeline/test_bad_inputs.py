"""Every class of bad input, put into the stream as raw bytes: quarantined for its reason, while its neighbours land."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from athena.aws.engine import AthenaEngine
from glue.codec import wire_timestamp
from infra.local.twin import Twin
from tests.fakes.bad_inputs import BYTES, EVENT, FIELDS, TIMES, payload

# A record over 1 MiB is refused by the stream itself.
FITS = 1024 * 1024 - 256


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    with Twin(parameters={"ShardCount": "1"}) as running:
        yield running


def test_each_bad_input_is_quarantined_for_its_reason_and_its_neighbours_land(twin: Twin) -> None:
    now = datetime.now(UTC)
    recent = wire_timestamp(now)
    bad = [(data.replace(EVENT["created_at"].encode(), recent.encode()), reason) for data, reason in BYTES]
    bad += [
        (payload(**{"created_at": recent, **changes}), reason) for changes, reason in FIELDS if "replay" not in changes
    ]
    # Those out of range at one fixed arrival are given anew for this one.
    bad += [(payload(created_at=value), reason) for value, reason in TIMES[:-2]]
    bad += [
        (payload(created_at=wire_timestamp(now + timedelta(hours=25))), "time_range"),
        (payload(created_at=wire_timestamp(now - timedelta(days=31))), "time_range"),
    ]
    sent = [(f"bad-{number}", data, reason) for number, (data, reason) in enumerate(bad) if 0 < len(data) <= FITS]
    good = [f"0192f3a4-0000-7000-8000-{number:012d}" for number in range(len(sent))]
    kinesis = twin.client("kinesis")
    for (key, data, _), event_id in zip(sent, good, strict=True):
        neighbour = payload(event_id=event_id, created_at=recent)
        records = [{"PartitionKey": key, "Data": data}, {"PartitionKey": "good", "Data": neighbour}]
        answer = kinesis.put_records(StreamName=twin.outputs["ContentStreamName"], Records=records)
        assert answer["FailedRecordCount"] == 0
    assert twin.drain(600)["drained"]

    engine = AthenaEngine(twin.client("athena"))
    where = {"database": twin.outputs["DatabaseName"], "workgroup": twin.outputs["WorkGroupName"]}
    rows = engine.run("SELECT partition_key, reason FROM quarantine WHERE dt >= '2020-01-01'", **where).rows
    assert sorted(rows) == sorted((key, reason) for key, _, reason in sent)
    landed = engine.run("SELECT event_id FROM current_verdicts WHERE dt >= '2020-01-01'", **where).rows
    assert sorted(str(event_id) for (event_id,) in landed) == good
