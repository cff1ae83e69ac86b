"""The archive's form: nothing of a record changes, the same batch is the same object, a place is told once."""

import gzip
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.archive import Entry, entries_of, held_before, object_name, opened, pack, read_line, write_line
from glue.kpl.aggregation import UserRecord, encode

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
SHARD = "shardId-000000000007"
payloads = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=30).map(str.encode),
    st.sampled_from([b"", b"\\N", b"\n", b"a\r\nb", b"\x01text\x01", b'{"a":"\\u0001"}', b"\xff", "…\u2028".encode()]),
)


def entries(*data: bytes, first: int = 100, sub: int = 0) -> list[Entry]:
    """Records in a row, around midnight, whose arrivals are not strictly in order."""
    return [
        Entry(
            one,
            SHARD,
            str(first + at),
            sub,
            MIDNIGHT + timedelta(seconds=first + at - 105, milliseconds=-900 * (at % 2)),
        )
        for at, one in enumerate(data)
    ]


@given(
    payloads, st.integers(0, 10**56), st.integers(0, 10**6), st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1))
)
def test_a_line_gives_the_record_back_and_is_one_line_with_six_fields(
    data: bytes, number: int, sub: int, moment: datetime
) -> None:
    entry = Entry(data, SHARD, str(number), sub, moment.replace(tzinfo=UTC))
    line = write_line(entry)
    assert read_line(line.removesuffix(b"\n")) == entry
    assert len(line.removesuffix(b"\n").splitlines()) == 1
    assert line.count(b"\x01") == 5


def test_what_is_text_stays_readable_and_nothing_else_does() -> None:
    assert write_line(entries(b'{"text":"\xc3\xa4"}')[0]).startswith(b'{"text":"\xc3\xa4"}\x01text\x01')
    for data in (b"\\N", b"a\nb", b"a\rb", b"\xff", b"a\x01b", b"\x00"):
        assert b"\x01base64\x01" in write_line(entries(data)[0])


@given(st.binary(max_size=80))
def test_a_line_of_another_form_is_refused_or_read(line: bytes) -> None:
    for one in entries_of([line]):
        assert one == line or isinstance(one, Entry)


@given(st.lists(payloads, min_size=1, max_size=12), st.integers(0, 300))
def test_a_batch_gives_one_object_a_day_and_the_same_bytes_every_time(data: list[bytes], first: int) -> None:
    batch = entries(*data, first=first)
    made = pack(batch)
    assert made == pack(batch)
    assert sum(one.records for one in made) == len(batch)
    for one in made:
        name = object_name(one.key)
        assert name is not None
        found = [entry for entry in entries_of(gzip.decompress(one.body).splitlines()) if isinstance(entry, Entry)]
        assert {f"archive/dt={entry.arrived_at:%Y-%m-%d}" for entry in found} == {name.folder}
        assert min(entry.arrived_at for entry in found).timestamp() - name.begins < 1
        assert (name.first, name.last) == (int(found[0].sequence_number), int(found[-1].sequence_number))


@given(st.lists(st.tuples(st.integers(0, 39), st.integers(1, 15)), max_size=10), st.randoms())
def test_batches_cut_anywhere_and_written_in_any_order_hold_each_record_once(
    cuts: list[tuple[int, int]], chance: object
) -> None:
    every = entries(*(b"%d" % number for number in range(40)))
    batches = [every[start : start + count] for start, count in cuts]
    objects = {one.key: one.body for batch in batches for one in pack(batch)}
    keys = list(objects)
    chance.shuffle(keys)  # type: ignore[attr-defined]
    held = held_before(keys)
    found = Counter(
        one for key in keys for one in entries_of(gzip.decompress(objects[key]).splitlines(), after=held[key])
    )
    wanted = {one for batch in batches for one in batch}
    assert found == Counter(wanted)


def test_names_sort_by_arrival_then_shard_then_number() -> None:
    late = pack(entries(b"x", first=1_000))[0].key
    short, long = (pack([Entry(b"x", SHARD, number, 0, MIDNIGHT)])[0].key for number in ("9", "10"))
    assert short < long < late


def test_an_aggregate_is_opened_and_one_that_cannot_be_stays_whole() -> None:
    whole = encode([UserRecord("k", None, b"a"), UserRecord("k", None, b"b\n")])
    assert [(one.data, one.sub_sequence_number) for one in opened(whole, SHARD, "7", MIDNIGHT)] == [
        (b"a", 0),
        (b"b\n", 1),
    ]
    assert [one.data for one in opened(whole[:-1], SHARD, "7", MIDNIGHT)] == [whole[:-1]]


@pytest.mark.parametrize(
    "place", [("shardId-1", "7"), (SHARD, "7/../x"), (SHARD, ""), ("../shardId-000000000007", "7")]
)
def test_a_coordinate_that_is_none_makes_no_key(place: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="as Kinesis gives it"):
        pack([Entry(b"x", *place, 0, MIDNIGHT)])


@pytest.mark.parametrize(
    "key",
    [
        "archive/dt=2026-03-01/sk-archive-1-2026-03-01-12-00-00-9f0c.gz",
        "archive/dt=2026-03-01/records-2026-13-01-12-00-00-shardId-000000000000-1-2.gz",
        "archive/dt=2026-03-01/records-2026-03-01-12-00-00-shardId-000000000000-1-2-again.gz",
        "records-archive-1-2026-03-01-12-00-00-9f0c.gz",
    ],
)
def test_names_of_another_form_are_not_taken_for_ours(key: str) -> None:
    assert object_name(key) is None
