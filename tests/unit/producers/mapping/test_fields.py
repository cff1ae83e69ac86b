"""Rows as events: columns, ids, times, and that nothing of a row is dropped or coerced."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.codec import decode
from glue.contract import BadInput, ContentEvent
from glue.readers.json_lines import read_json_lines
from glue.readers.rejection import Rejection
from glue.readers.rows import Row, SourceError
from glue.readers.sources import Source
from glue.readers.times import LONGEST_SPAN, TimeShift
from producers.mapping.datasets import Dataset, RejectedRow
from producers.mapping.fields import Mapping, event_of, pseudonym
from producers.ports import OutRecord

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW: dict[str, Any] = {"text": "hello", "author_id": "ann", "surface": "chat", "created_at": "2026-03-01T11:00:00Z"}


def row(number: int = 1, **cells: object) -> Row:
    raw = msgspec.json.encode(cells)
    [made] = read_json_lines([raw])
    return msgspec.structs.replace(made, number=number)


def made_of(cells: Row, **mapping: Any) -> ContentEvent:
    record = event_of(cells, Mapping(**{"source": "test", **mapping}), now=NOW.timestamp())
    assert isinstance(record, OutRecord), record
    event = decode(record.data, NOW)
    assert isinstance(event, ContentEvent)
    return event


def reason_of(cells: Row, **mapping: Any) -> str:
    refused = event_of(cells, Mapping(**{"source": "test", **mapping}), now=NOW.timestamp())
    assert isinstance(refused, Rejection)
    return refused.reason


def extra(event: ContentEvent) -> dict[str, Any]:
    return msgspec.json.decode(event.extra_json) if event.extra_json else {}


def test_columns_named_like_fields_are_those_fields() -> None:
    event = made_of(row(**ROW, language="pt-BR", hold=True, parent_id="p1", media=[{"uri": "u", "mime_type": "a/b"}]))
    assert (event.text, event.author_id, event.surface, event.language) == ("hello", "ann", "chat", "pt-BR")
    assert (event.hold, event.parent_id, len(event.media)) == (True, "p1", 1)
    assert event.extra_json is None


def test_columns_are_mapped_and_the_rest_stays_with_its_types() -> None:
    event = made_of(
        row(user="ann", body="hi", karma=9007199254740993, tags=["a", None], ratio=1.10, text="a column of that name"),
        columns={"author_id": "user", "text": "body"},
    )
    assert event.text == "hi"
    assert extra(event) == {
        "karma": 9007199254740993,
        "tags": ["a", None],
        "ratio": 1.1,
        "source_text": "a column of that name",
        "surface": None,
    }


def test_a_column_is_found_inside_nested_objects() -> None:
    event = made_of(
        row(author={"name": "ann", "id": 7}, post={"body": {"md": "hi"}}),
        columns={"author_id": "author.id", "text": "post.body.md"},
    )
    assert (event.author_id, event.text) == ("7", "hi")
    assert extra(event)["author"] == {"name": "ann", "id": 7}


def test_constants_hold_always_and_defaults_where_there_is_nothing() -> None:
    settings = {"constants": {"surface": "forum"}, "defaults": {"author_id": "system", "language": "en"}}
    first = made_of(row(**{**ROW, "author_id": None}), **settings)
    second = made_of(row(**ROW, language="de"), **settings)
    assert (first.author_id, first.surface, first.language) == ("system", "forum", "en")
    assert (second.author_id, second.surface, second.language) == ("ann", "forum", "de")


def test_context_is_gathered_from_columns_and_constants() -> None:
    event = made_of(row(**ROW, room="lobby"), columns={"context.room": "room"}, constants={"context.app": "web"})
    assert event.context == {"room": "lobby", "app": "web"}


def test_an_empty_column_turns_a_mapping_off() -> None:
    event = made_of(row(**ROW, language="English, I think"), columns={"language": ""})
    assert event.language is None
    assert extra(event) == {"source_language": "English, I think"}


def test_a_field_that_does_not_exist_is_refused_when_the_mapping_is_made() -> None:
    for name in ("body", "replay", "context."):
        with pytest.raises(ValueError, match="allowed: schema_version, event_id"):
            Mapping(source="x", columns={name: "a"})


def test_ids_are_the_same_when_the_same_source_is_sent_again_and_differ_between_rows_and_sources() -> None:
    ids = [made_of(row(number, **ROW), source=source).event_id for source in ("a", "b") for number in (1, 2)]
    assert len(set(ids)) == 4
    assert ids[0] == made_of(row(1, **ROW), source="a").event_id
    assert made_of(row(1, **{**ROW, "text": "other"}), source="a").event_id != ids[0]


def test_an_id_that_is_no_uuid_gives_one_and_names_the_content() -> None:
    event = made_of(row(**ROW, id=42), columns={"event_id": "id"})
    assert event.content_id == "42"
    assert extra(event) == {"source_event_id": "42"}
    assert event.event_id == made_of(row(9, **ROW, id=42), columns={"event_id": "id"}).event_id
    given = made_of(row(**ROW, event_id="0198C0DE-0000-7000-8000-00000000000A"))
    assert given.event_id == "0198c0de-0000-7000-8000-00000000000a"
    assert given.extra_json is None


def test_content_and_parent_ids_of_another_form_are_hashed_and_kept() -> None:
    event = made_of(row(**ROW, content_id="Main page", parent_id="a/b"))
    assert event.content_id.startswith("c-")
    assert event.parent_id is not None
    assert event.parent_id.startswith("c-")
    assert extra(event) == {"source_content_id": "Main page", "source_parent_id": "a/b"}


@pytest.mark.parametrize("author", ["|trey|", "Ann Smith", "ann@example.com", "192.0.2.7", "2001:db8::1", "x" * 129])
def test_author_ids_that_do_not_fit_or_name_a_person_are_hashed_and_not_kept_unless_asked(author: str) -> None:
    event = made_of(row(**{**ROW, "author_id": author}))
    assert event.author_id.startswith("a-")
    assert event.extra_json is None
    kept = made_of(row(**{**ROW, "author_id": author}), keep_author=True, pseudonym_key=b"secret")
    assert extra(kept) == {"source_author_id": author}
    assert kept.author_id != event.author_id


@pytest.mark.parametrize("author", ["ann", "user-1", "did:plc:abc", "a.b"])
def test_author_ids_that_fit_stay(author: str) -> None:
    assert pseudonym(author) == author


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"text": None}, "missing:text"),
        ({"author_id": None}, "missing:author_id"),
        ({"text": 5}, "type"),
        ({"author_id": True}, "type"),
        ({"event_id": []}, "type"),
        ({"event_id": ""}, "id"),
        ({"event_id": 1.5}, "type"),
        ({"text": ""}, "text"),
        ({"text": "x" * 70_000}, "text_size"),
        ({"hold": "yes"}, "type"),
        ({"language": "English"}, None),
        ({"language": "en_US"}, "language"),
        ({"media": "photo.jpg"}, "media"),
        ({"context": {"a": 1}}, "context"),
        ({"created_at": "2026-03-01 11:00:00"}, "tz"),
        ({"created_at": 1772362800}, "time_unit"),
        ({"created_at": "yesterday"}, "time"),
        ({"created_at": True}, "time"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "time_range"),
        ({f"k{n}": n for n in range(300)}, "keys"),
        ({"blob": "x" * 300_000}, "size"),
    ],
)
def test_a_value_that_does_not_fit_makes_a_named_rejection(changes: dict[str, Any], reason: str | None) -> None:
    if reason is None:
        made_of(row(**{**ROW, **changes}))
    else:
        assert reason_of(row(**{**ROW, **changes})).partition(" ")[0] == reason


def test_a_row_without_a_time_gets_now() -> None:
    assert made_of(row(text="a", author_id="b")).created_at == NOW
    assert made_of(row(**{**ROW, "created_at": None})).created_at == NOW


def test_csv_says_true_and_false_in_words() -> None:
    assert made_of(Row(2, {**ROW, "hold": "TRUE"}, b"x")).hold is True


def test_names_that_are_taken_lose_nothing() -> None:
    event = made_of(row(**ROW, id="x y", source_event_id="theirs", replay="r"), columns={"event_id": "id"})
    assert extra(event) == {
        "source_event_id": "x y",
        "source_source_event_id": "theirs",
        "source_replay": "r",
    }


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.text(max_size=12), JSON_VALUES, max_size=8))
def test_every_cell_of_a_row_is_on_the_event_or_the_row_is_rejected(cells: dict[str, object]) -> None:
    record = event_of(
        row(**{"body": "hi", **cells}),  # type: ignore[arg-type]
        Mapping(source="s", columns={"text": "body"}, defaults={"author_id": "a"}),
        now=NOW.timestamp(),
    )
    if isinstance(record, Rejection):
        return
    sent = msgspec.json.decode(record.data)
    assert not isinstance(decode(record.data, NOW), BadInput)
    for name, value in cells.items():
        assert (
            name == "body"
            or value is None
            or value in (sent.get(name), sent.get(f"source_{name}"))
            or str(value) in sent.values()
        )


MOMENTS = st.datetimes(datetime(2001, 1, 1), datetime(2025, 1, 1)).map(lambda moment: moment.replace(tzinfo=UTC))


@given(st.lists(MOMENTS, min_size=1, max_size=20))
def test_shifted_times_end_now_keep_their_order_and_stay_inside_the_lateness_limit(moments: list[datetime]) -> None:
    shift = TimeShift(min(moments), max(moments), NOW)
    moved = [shift.apply(moment) for moment in moments]
    assert max(moved) == NOW
    assert min(moved) >= NOW - LONGEST_SPAN - timedelta(milliseconds=1)
    in_order = sorted(zip(moments, moved, strict=True))
    assert [after for _, after in in_order] == sorted(moved)


@contextmanager
def dataset(text: str, *, shift_time: bool = False, **mapping: Any) -> Iterator[Dataset]:
    with Source("-", stdin=io.BytesIO(text.encode())) as source:
        yield Dataset(source, Mapping(source="test", **mapping), now=NOW.timestamp(), shift_time=shift_time)


def test_shift_time_reads_twice_moves_the_last_to_now_and_keeps_the_original() -> None:
    rows = "\n".join(
        f'{{"text":"t","author_id":"a","created_at":"{moment}"}}'
        for moment in ("2015-09-12T02:00:00Z", "2015-09-12T00:00:00Z", "bad")
    )
    with dataset(rows, shift_time=True) as found:
        last, first, bad = found
    assert isinstance(last, OutRecord)
    assert isinstance(first, OutRecord)
    assert msgspec.json.decode(last.data)["created_at"] == "2026-03-01T12:00:00.000000Z"
    assert msgspec.json.decode(first.data)["created_at"] == "2026-03-01T10:00:00.000000Z"
    assert msgspec.json.decode(first.data)["source_created_at"] == "2015-09-12T00:00:00.000000Z"
    assert isinstance(bad, RejectedRow)
    assert (bad.line, bad.reason) == (3, "time")


def test_shifting_without_any_time_says_what_to_do() -> None:
    with (
        pytest.raises(SourceError, match="--map created_at=COLUMN"),
        dataset('{"text":"t"}\n', shift_time=True),
    ):
        pass


def test_rejected_rows_carry_line_reason_and_bytes_and_columns_are_known() -> None:
    with dataset('{"text":"t","user":"a"}\n\n{oops\n{"text":"u","user":"b"}\n') as found:
        rejected = [item for item in found if isinstance(item, RejectedRow)]
    assert [(one.line, one.reason, one.raw) for one in rejected] == [
        (1, "missing:author_id", b'{"text":"t","user":"a"}'),
        (3, "json", b"{oops"),
        (4, "missing:author_id", b'{"text":"u","user":"b"}'),
    ]
    assert list(found.columns) == ["text", "user"]
