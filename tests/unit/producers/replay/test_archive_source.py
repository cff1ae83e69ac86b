"""The archive as a replay reads it: all shards side by side in the order of arrival, and taken up at any place."""

import gzip
import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from glue.archive import Entry, pack
from glue.codec import DEFAULT_LATENESS
from glue.contract import ContentEvent
from producers.replay.archive_source import ArchiveSource, object_of
from producers.replay.archived import ArchiveObject, begins_at
from producers.replay.records import ReplayRecord
from tests.fakes.sample_events import number_of, payload

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = ARRIVAL.timestamp()
SHARDS = 4


class Packed:
    """Objects of the archiver, and others as Firehose wrote them."""

    def __init__(self, bodies: Mapping[str, bytes]) -> None:
        self.bodies = dict(sorted(bodies.items()))
        self.opened: list[str] = []

    def objects(self, since: float, until: float) -> Sequence[ArchiveObject]:
        return [ArchiveObject(key, len(body), begins_at(key) or 0.0, NOW + 3600) for key, body in self.bodies.items()]

    def lines(self, one: ArchiveObject) -> Iterable[bytes]:
        self.opened.append(one.key)
        return gzip.decompress(self.bodies[one.key]).split(b"\n")[:-1]


def of_four_shards(*, records: int = 80, batch: int = 5) -> Packed:
    """Records that arrived a second apart, each in the next of four shards, archived in batches of a shard."""
    entries = [
        Entry(payload(n), f"shardId-{n % SHARDS:012d}", str(100 + n), 0, ARRIVAL + timedelta(seconds=n))
        for n in range(records)
    ]
    bodies = {}
    for shard in range(SHARDS):
        mine = entries[shard::SHARDS]
        for at in range(0, len(mine), batch):
            bodies |= {one.key: one.body for one in pack(mine[at : at + batch])}
    return Packed(bodies)


def source(archive: Packed) -> ArchiveSource:
    return ArchiveSource(archive, since=0, until=1e12, written_before=1e12, lateness=DEFAULT_LATENESS)


def numbers(found: Iterable[ReplayRecord]) -> list[int]:
    return [number_of(one.event.event_id) for one in found if isinstance(one.event, ContentEvent)]


def test_records_of_all_shards_come_in_the_order_of_their_arrival() -> None:
    # One shard after the other would be sent at the rate of a single shard, however many the stream has.
    assert numbers(source(of_four_shards()).records({})) == list(range(80))


def test_at_any_time_one_object_of_each_shard_is_open() -> None:
    archive = of_four_shards()
    records = source(archive).records({})
    numbers(next(records) for _ in range(8))
    assert len(archive.opened) == SHARDS


def test_a_run_taken_up_anywhere_reads_what_is_left_of_every_shard() -> None:
    archive = of_four_shards()
    everything = list(source(archive).records({}))
    for done in random.Random(7).sample(range(1, len(everything)), 20):
        position = dict(one.place for one in everything[:done] if one.place is not None)
        assert numbers(source(archive).records(position)) == numbers(everything[done:])


def test_a_run_begun_when_objects_were_read_one_after_the_other_goes_on_where_it_stood() -> None:
    archive = of_four_shards()
    keys = list(archive.bodies)
    rest = set(numbers(source(archive).records({"object": f"{keys[5]}#3"})))
    read = [line for key in keys[:5] for line in gzip.decompress(archive.bodies[key]).splitlines()]
    read += gzip.decompress(archive.bodies[keys[5]]).splitlines()[:3]
    assert len(rest) == 80 - len(read)
    assert rest.isdisjoint(number_of(msgspec.json.decode(line.split(b"\x01")[0])["event_id"]) for line in read)


def test_objects_that_firehose_wrote_are_read_among_those_of_the_shards() -> None:
    archive = of_four_shards(records=8, batch=1)
    key = "archive/dt=2026-03-01/sk-archive-1-2026-03-01-12-00-02-9f0c.gz"
    archive = Packed(archive.bodies | {key: gzip.compress(payload(50) + b"\n" + payload(51) + b"\n")})
    everything = list(source(archive).records({}))
    assert sorted(numbers(everything)) == [*range(8), 50, 51]
    assert numbers(everything).index(50) in (2, 3)
    position = dict(one.place for one in everything[:4] if one.place is not None)
    assert numbers(source(archive).records(position)) == numbers(everything[4:])


def test_a_place_names_its_object() -> None:
    archive = of_four_shards()
    assert {object_of(one.place) for one in source(archive).records({})} == set(archive.bodies)
    assert object_of(("shardId-000000000000", "4960")) is None
    assert object_of(None) is None
