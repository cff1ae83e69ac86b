"""Records of the past: where one ends in the archive, in which order shards are read, how a place is found again."""

import gzip
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.archive import Entry, pack
from glue.codec import DEFAULT_LATENESS, Lateness, decode
from glue.contract import MAX_PAYLOAD_BYTES, BadInput, ContentEvent, ReplayMark
from glue.kpl.aggregation import UserRecord, encode
from producers.replay.archive_source import ArchiveSource
from producers.replay.archived import MAX_DOCUMENT_LINES, ArchiveObject, Found, begins_at, may_join, read_records
from producers.replay.marking import Span, brought_back, first_arrival, identity
from producers.replay.records import Page, ReplayRecord, Shard, StreamRecord, StreamSource
from tests.fakes import sample_events
from tests.fakes.sample_events import event_id
from tests.fakes.stream import VirtualClock

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = ARRIVAL.timestamp()


def document(number: int, **fields: object) -> dict[str, object]:
    return sample_events.document(number, **{"text": 'brackets }{ and "quotes"\n', **fields})


def compact(number: int) -> bytes:
    return msgspec.json.encode(document(number))


def pretty(number: int, **fields: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document(number, **fields)), indent=2)


def read(data: bytes) -> ContentEvent | BadInput:
    return decode(data, ARRIVAL)


def ids(found: Iterable[Found]) -> list[str]:
    return [one.event.event_id for one in found if isinstance(one.event, ContentEvent)]


def lines(*records: bytes) -> list[bytes]:
    return b"".join(record + b"\n" for record in records).split(b"\n")[:-1]


garbage = st.one_of(
    st.binary(max_size=30).filter(lambda data: not data.lstrip().startswith(b"{")),
    st.sampled_from(
        [b"", b"{", b'{"a":', b'{"a": "', b"}", b"[{]}", b'{"event_id"', compact(999)[:-1], compact(998)[:40]]
    ),
)


@given(st.lists(st.one_of(st.integers(0, 50), st.integers(0, 50).map(lambda n: -n - 1), garbage), max_size=12))
def test_every_event_is_found_in_order_whatever_lies_between(items: list[int | bytes]) -> None:
    records = [one if isinstance(one, bytes) else compact(one) if one >= 0 else pretty(-one) for one in items]
    wanted = [event_id(abs(one)) for one in items if isinstance(one, int)]
    found = ids(read_records(lines(*records), read))
    # What is no event never takes one with it; what opens and never closes may hide one written over several lines.
    if not any(isinstance(one, bytes) and b"{" in one for one in items):
        assert found == wanted
    assert [one for one in found if one in {event_id(n) for n in items if isinstance(n, int) and n >= 0}] == [
        one for one in wanted if one in {event_id(n) for n in items if isinstance(n, int) and n >= 0}
    ]


def test_an_event_whose_lists_and_objects_are_written_over_lines_is_one_record() -> None:
    nested = pretty(1, note=[[1], {"a": [{}]}], more={"b": []})
    assert [found.data for found in read_records(lines(nested, compact(2)), read)] == [nested, compact(2)]


def test_a_cut_off_record_does_not_swallow_those_behind_it() -> None:
    cut = compact(1)[:-3]
    found = list(read_records(lines(cut, compact(2), b"{", compact(3), b"}", pretty(4)), read))
    assert ids(found) == [event_id(2), event_id(3), event_id(4)]
    assert [one.event.reason for one in found if isinstance(one.event, BadInput)] == ["json", "json", "json"]


def test_an_event_inside_a_document_that_is_one_too_is_called_ambiguous() -> None:
    outer = pretty(1)[:-2] + b',\n"quoted":\n' + compact(2) + b"\n}"
    [found] = read_records(lines(outer), read)
    assert (ids([found]), found.is_ambiguous) == ([event_id(1)], True)
    outer = b'{"quoted":\n' + compact(2) + b"\n,\n" + pretty(1).partition(b"\n")[2]
    [found] = read_records(lines(outer), read)
    assert (ids([found]), found.is_ambiguous) == ([event_id(1)], True)


def test_brackets_without_end_cost_a_bounded_amount_of_work() -> None:
    reads = 0

    def counted(data: bytes) -> ContentEvent | BadInput:
        nonlocal reads
        reads += 1
        return read(data)

    hostile = [b"{"] * (4 * MAX_DOCUMENT_LINES)
    assert ids(read_records([*hostile, compact(1)], counted)) == [event_id(1)]
    assert reads <= len(hostile) + 1


def test_names_of_objects_tell_their_oldest_arrival() -> None:
    assert begins_at("archive/dt=2026-03-01/sk-archive-1-2026-03-01-12-00-00-9f0c-11.gz") == NOW
    assert begins_at("archive/dt=2026-03-01/other.gz") is None
    assert begins_at("archive/x-2026-13-01-12-00-00-9f0c.gz") is None


class FakeArchive:
    def __init__(self, *bodies: bytes, begins: float = NOW, step: float = 300.0) -> None:
        self.bodies = {f"archive/{at:04d}": body for at, body in enumerate(bodies)}
        self.listed = [
            ArchiveObject(key, len(body), begins + at * step, begins + (at + 1) * step)
            for at, (key, body) in enumerate(self.bodies.items())
        ]

    def objects(self, since: float, until: float) -> Sequence[ArchiveObject]:
        return self.listed

    def lines(self, one: ArchiveObject) -> Iterable[bytes]:
        return self.bodies[one.key].split(b"\n")[:-1]


def archived(archive: FakeArchive, *, written_before: float = 1e12) -> ArchiveSource:
    return ArchiveSource(archive, since=0, until=1e12, written_before=written_before, lateness=DEFAULT_LATENESS)


def test_a_run_taken_up_at_any_record_reads_the_rest_and_nothing_else() -> None:
    archive = FakeArchive(*(b"".join(compact(10 * at + n) + b"\n" for n in range(4)) + b"broken\n" for at in range(3)))
    everything = list(archived(archive).records({}))
    assert len(everything) == 15
    for done, record in enumerate(everything, start=1):
        assert record.place is not None
        rest = list(archived(archive).records(dict([record.place])))
        assert [one.event for one in rest] == [one.event for one in everything[done:]]


def test_objects_written_after_the_run_began_are_left_for_another() -> None:
    archive = FakeArchive(compact(1) + b"\n", compact(2) + b"\n")
    assert archived(archive).size() == (2, sum(map(len, archive.bodies.values())))
    assert archived(archive, written_before=NOW + 400).size()[0] == 1


def test_a_record_without_an_arrival_of_its_own_has_the_span_of_its_object() -> None:
    archive = FakeArchive(compact(1) + b"\n", compact(2) + b"\n", step=300.0)
    found = [record.span for record in archived(archive).records({})]
    assert found == [Span(NOW, NOW + 302), Span(NOW + 300, NOW + 602)]


def test_an_event_in_time_at_one_end_of_its_object_is_an_event() -> None:
    # created a day and a minute ahead of the object's beginning: it arrived later in it
    ahead = msgspec.json.encode(document(1, created_at="2026-03-02T12:01:00Z"))
    old = msgspec.json.encode(document(2, created_at="2026-01-30T12:01:00Z"))
    never = msgspec.json.encode(document(3, created_at="2026-01-01T12:01:00Z"))
    made = [one.event for one in archived(FakeArchive(b"\n".join([ahead, old, never, b""]))).records({})]
    assert [isinstance(one, ContentEvent) for one in made] == [True, True, False]


def test_the_first_arrival_is_that_of_the_mark_then_of_the_verdict_then_the_latest_there_can_be() -> None:
    event = read(compact(1))
    assert isinstance(event, ContentEvent)
    span = Span(NOW, NOW + 300)
    assert first_arrival(event, span, None, DEFAULT_LATENESS) == NOW + 300
    assert first_arrival(event, span, NOW + 7.25, DEFAULT_LATENESS) == NOW + 7.25
    marked = msgspec.structs.replace(event, replay=ReplayMark("r", "2026-03-01T12:00:01.5Z"))
    assert first_arrival(marked, span, NOW + 7.25, DEFAULT_LATENESS) == NOW + 1.5
    # An event that was just in time was so when it arrived.
    assert first_arrival(event, span, None, Lateness(past=datetime(1, 1, 1, 0, 2) - datetime(1, 1, 1))) == NOW + 120


def test_what_is_brought_back_is_the_same_event_to_every_reader() -> None:
    event = read(
        pretty(1, unknown={"deep": [1, None]}, surface="Not Allowed", media=[{"uri": "u", "mime_type": "m/m"}])
    )
    assert isinstance(event, ContentEvent)
    again = decode(brought_back(event, run_id="r-1", arrived=NOW).data, ARRIVAL)
    assert isinstance(again, ContentEvent)
    assert identity(again) == identity(event)
    assert again.replay == ReplayMark("r-1", "2026-03-01T12:00:00.000000Z")
    assert set(again.flags) == {*event.flags, "replayed"}
    twice = brought_back(again, run_id="r-2", arrived=NOW, notify=True)
    assert twice.partition_key == brought_back(event, run_id="r-1", arrived=NOW).partition_key
    assert decode(twice.data, ARRIVAL) == msgspec.structs.replace(
        again, replay=ReplayMark("r-2", "2026-03-01T12:00:00.000000Z", True)
    )


class FakeShards:
    """Shards with records; pages of two."""

    def __init__(self, records: Mapping[str, Sequence[StreamRecord]], parents: Mapping[str, tuple[str, ...]]) -> None:
        self.records = records
        self.parents = parents
        self.gets = 0

    def shards(self) -> Sequence[Shard]:
        return [Shard(name, self.parents.get(name, ())) for name in self.records]

    def start(self, shard_id: str, *, at: float | None = None, after: str | None = None) -> str:
        records = self.records[shard_id]
        position = 0
        while position < len(records) and (
            int(records[position].sequence_number) <= int(after)
            if after is not None
            else records[position].arrived < (at or 0)
        ):
            position += 1
        return f"{shard_id}#{position}"

    def get(self, iterator: str) -> Page:
        self.gets += 1
        shard_id, _, position = iterator.partition("#")
        some = self.records[shard_id][int(position) : int(position) + 2]
        following = int(position) + len(some)
        at_tip = following >= len(self.records[shard_id])
        is_closed = at_tip and any(shard_id in parents for parents in self.parents.values())
        return Page(some, None if is_closed else f"{shard_id}#{following}", at_tip)


def stream_record(number: int, arrived: float, data: bytes | None = None) -> StreamRecord:
    return StreamRecord(str(1_000 + number), arrived, "key", compact(number) if data is None else data)


def retained(shards: FakeShards, *, until: float = 1e12, since: float = 0.0) -> StreamSource:
    return StreamSource(shards, since=since, until=until, lateness=DEFAULT_LATENESS, clock=VirtualClock())


def numbers(records: Iterable[ReplayRecord]) -> list[int]:
    return [int(one.event.event_id[-12:], 16) if isinstance(one.event, ContentEvent) else -1 for one in records]


def test_shards_are_merged_by_arrival_and_parents_come_before_children() -> None:
    # given two shards that were merged into a third, which was split again
    shards = FakeShards(
        {
            "child": [stream_record(7, NOW + 5), stream_record(8, NOW + 6)],
            "left": [stream_record(1, NOW), stream_record(3, NOW + 2), stream_record(5, NOW + 4)],
            "right": [stream_record(2, NOW + 1), stream_record(4, NOW + 3)],
            "grandchild": [stream_record(9, NOW + 7)],
            "other": [stream_record(6, NOW + 4.5), stream_record(10, NOW + 8)],
        },
        {"child": ("left", "right"), "grandchild": ("child",)},
    )
    assert numbers(retained(shards).records({})) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_a_child_whose_parent_the_stream_has_forgotten_is_read_at_once() -> None:
    shards = FakeShards({"child": [stream_record(1, NOW)]}, {"child": ("gone",)})
    assert numbers(retained(shards).records({})) == [1]


def test_a_child_of_which_one_parent_is_forgotten_begins_as_soon_as_the_other_is_done() -> None:
    shards = FakeShards(
        {
            "right": [stream_record(1, NOW)],
            "other": [stream_record(3, NOW + 10)],
            "child": [stream_record(2, NOW + 1)],
        },
        {"child": ("gone", "right")},
    )
    assert numbers(retained(shards).records({})) == [1, 2, 3]


class GappyShards(FakeShards):
    """Shards of which every other page is empty, as Kinesis gives them, though there is more behind it."""

    def get(self, iterator: str) -> Page:
        if not iterator.endswith("!"):
            return Page((), f"{iterator}!", False)
        page = super().get(iterator.removesuffix("!"))
        return Page(page.records, page.following, page.is_at_tip)


def test_an_empty_page_with_more_behind_it_is_not_the_end() -> None:
    records = [stream_record(at, NOW + at) for at in range(5)]
    assert numbers(retained(GappyShards({"one": records}, {})).records({})) == [0, 1, 2, 3, 4]
    split = GappyShards({"one": records, "child": [stream_record(7, NOW + 9)]}, {"child": ("one",)})
    assert numbers(retained(split).records({})) == [0, 1, 2, 3, 4, 7]


def test_reading_ends_behind_the_range_though_arrivals_are_not_strictly_in_order() -> None:
    shards = FakeShards({"one": [stream_record(at, NOW + at) for at in range(40)]}, {})
    assert numbers(retained(shards, since=NOW + 3, until=NOW + 6).records({})) == list(range(3, 16))


def test_aggregates_are_opened_and_count_as_done_only_with_their_last_record() -> None:
    container = encode([UserRecord("key", None, compact(number)) for number in (2, 3, 4)])
    shards = FakeShards(
        {
            "one": [
                stream_record(1, NOW),
                stream_record(2, NOW + 1, container),
                stream_record(5, NOW + 2, container[:-1]),
            ]
        },
        {},
    )
    found = list(retained(shards).records({}))
    assert numbers(found) == [1, 2, 3, 4, -1]
    assert [one.place for one in found] == [("one", "1001"), None, None, ("one", "1002"), ("one", "1005")]
    assert numbers(retained(shards).records({"one": "1001"})) == [2, 3, 4, -1]
    assert numbers(retained(shards).records({"one": "1002"})) == [-1]


def test_a_shard_is_read_five_times_a_second_and_no_more() -> None:
    clock = VirtualClock()
    shards = FakeShards({"one": [stream_record(at, NOW + at) for at in range(20)]}, {})
    past = StreamSource(shards, since=0.0, until=1e12, lateness=DEFAULT_LATENESS, clock=clock)
    started = clock.now()
    assert len(list(past.records({}))) == 20
    assert clock.now() - started == pytest.approx(0.2 * (shards.gets - 1))


def cut(data: bytes, *, joining: bool = True) -> list[bytes]:
    return [found.data for found in read_records(data.split(b"\n"), read, joining=joining)]


def test_records_that_follow_one_another_without_a_line_feed_are_told_apart_where_that_may_be() -> None:
    first, second, third = compact(1), compact(2), compact(3)
    assert cut(first + second + b"\n" + third) == [first, second, third]
    assert cut(first + second, joining=False) == [first + second]


def test_of_records_that_share_lines_the_first_has_them_all_and_of_others_each_its_own() -> None:
    one, two = compact(1), compact(2)
    apart = list(read_records([one, b"nothing", *pretty(2).split(b"\n")], read, joining=True))
    assert [(found.lines, found.joined) for found in apart] == [(1, b""), (1, b""), (pretty(2).count(b"\n") + 1, b"")]
    together = list(read_records([one + two], read, joining=True))
    assert [(found.data, found.lines, found.joined) for found in together] == [
        (one, 1, one + two),
        (two, 0, one + two),
    ]


def test_a_broken_record_takes_no_event_with_it() -> None:
    broken = compact(2)[:-5]
    assert cut(broken + compact(1)) == [broken, compact(1)]
    assert cut(compact(1) + broken + compact(3)) == [compact(1), broken, compact(3)]
    assert cut(b"{" * 60 + compact(1))[-1] == compact(1)


def test_a_line_of_many_records_and_one_of_many_brackets_end_soon() -> None:
    assert len(cut(b"".join(map(compact, range(2_000))))) == 2_000
    calls = 0

    def counted(data: bytes) -> ContentEvent | BadInput:
        nonlocal calls
        calls += 1
        return read(data)

    assert len(list(read_records([b"{" * 500_000], counted, joining=True))) == 1
    assert calls < 10


def test_an_archive_of_the_deferred_lane_gives_each_event_of_a_shared_line() -> None:
    key = "archive/dt=2026-01-02/sk-deferred-1-2026-01-02-03-04-05-9f0c.gz"
    assert may_join(key)
    assert not may_join(key.replace("-deferred-", "-archive-"))


def test_packed_objects_that_overlap_give_each_record_once_with_its_own_arrival() -> None:
    at = [ARRIVAL + timedelta(seconds=number) for number in range(12)]
    every = [Entry(compact(n), "shardId-000000000000", str(100 + n), 0, at[n]) for n in range(12)]
    cut = [every[0:5], every[3:9], every[9:12], every[4:6], every[0:5]]
    packed = {one.key: one.body for batch in cut for one in pack(batch)}

    class Packed:
        def objects(self, since: float, until: float) -> Sequence[ArchiveObject]:
            return [ArchiveObject(key, len(packed[key]), begins_at(key) or 0.0, NOW + 300) for key in sorted(packed)]

        def lines(self, one: ArchiveObject) -> Iterable[bytes]:
            return gzip.decompress(packed[one.key]).split(b"\n")[:-1]

    source = ArchiveSource(Packed(), since=0, until=1e12, written_before=1e12, lateness=DEFAULT_LATENESS)
    found = list(source.records({}))
    assert [one.event.event_id for one in found if isinstance(one.event, ContentEvent)] == [
        event_id(number) for number in range(12)
    ]
    assert [one.span for one in found] == [Span(one.timestamp(), one.timestamp()) for one in at]
    for done, record in enumerate(found, start=1):
        assert record.place is not None
        assert list(source.records(dict([record.place]))) == found[done:]


def test_records_that_share_a_line_are_found_also_where_the_line_is_longer_than_a_record_can_be() -> None:
    large = [msgspec.json.encode(document(number, note="x" * 700_000)) for number in (1, 2)]
    made = read(b"".join(large))
    assert isinstance(made, BadInput)
    assert made.reason != "json"
    found = list(read_records([b"".join(large)], read, joining=True))
    assert ids(found) == [event_id(1), event_id(2)]
    assert [one.lines for one in found] == [1, 0]
    assert ids(read_records([b"".join(large)], read)) == []


def test_a_document_is_followed_for_as_long_as_it_is_not_larger_than_the_largest_event() -> None:
    # given an event and, on the same line and those behind it, one that is written over several
    beside, opening, closing = compact(1), b"{", compact(2)[1:]
    for before_the_last, wanted in ((MAX_PAYLOAD_BYTES, [1, 2]), (MAX_PAYLOAD_BYTES + 1, [1])):
        blank = b" " * (before_the_last - len(beside) - len(opening) - 1)
        found = list(read_records([beside + opening, blank, closing], read, joining=True))
        assert ids(found) == [event_id(number) for number in wanted]
