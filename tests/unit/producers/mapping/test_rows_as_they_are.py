"""A row that is an event already is sent as it is; that is only the short way to what mapping it would give."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from glue.readers.json_lines import object_row
from glue.readers.rejection import Rejection
from glue.readers.rows import Row
from glue.readers.times import TimeShift
from producers.mapping.fields import Mapping, Notes, event_of
from producers.ports import OutRecord

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EVENT = {
    "schema_version": 1,
    "event_id": "0198c0de-0000-7000-8000-0123456789ab",
    "content_id": "post-1",
    "author_id": "ann",
    "surface": "comment",
    "created_at": "2026-03-01T11:59:00.000001Z",
    "text": "hello",
}

_MINUTE_LATER = TimeShift(NOW, NOW, NOW + timedelta(minutes=1))
_texts = st.one_of(st.text(max_size=8), st.sampled_from(["a\u2028b", "😀", "\x7f", "\0", 'q"\\', "/", "x" * 70_000]))
_media = st.fixed_dictionaries(
    {"uri": st.sampled_from(["s3://b/k", ""]), "mime_type": st.just("image/png")},
    optional={"sha256": st.sampled_from(["a" * 64, "A" * 64, None]), "alt": st.just("x")},
)
_events = st.fixed_dictionaries(
    {},
    optional={
        "schema_version": st.sampled_from([1, 1, 1, 1.0, 2, "1", None]),
        "event_id": st.sampled_from([EVENT["event_id"], EVENT["event_id"].upper(), "7", 7, None, "", [1]]),  # type: ignore[attr-defined]
        "content_id": st.sampled_from(["post-1", "a b", 5, None, "", "x" * 128, "x" * 129]),
        "author_id": st.sampled_from(["ann", "ann@example.org", "10.0.0.1", "::1", "a b", 5, None]),
        "surface": st.sampled_from(["comment", None, "Comment!", "", 5]),
        "created_at": st.one_of(
            st.sampled_from(
                [
                    EVENT["created_at"],
                    "2026-03-01T11:59:00Z",
                    "2026-03-01T11:59:00.0000019Z",
                    "2026-03-01t11:59:00.000001z",
                    "2026-03-01T12:59:00.000001+01:00",
                    "2026-03-01 11:59:00",
                    1_772_000_000,
                    None,
                    "0000-01-01T00:00:00.000000Z",
                ]
            ),
            st.integers(-2_700_000, 100_000).map(
                lambda seconds: (NOW + timedelta(seconds=seconds)).isoformat(timespec="microseconds")[:-6] + "Z"
            ),
        ),
        "text": _texts,
        "language": st.sampled_from(["en", "pt-BR", "not a tag", None]),
        "media": st.lists(_media, max_size=2),
        "parent_id": st.sampled_from(["post-0", "a b", None]),
        "hold": st.sampled_from([True, False, "true", None]),
        "context": st.dictionaries(st.sampled_from(["room", "b", "ä"]), st.sampled_from(["1", 2, "ö"]), max_size=2),
        "replay": st.sampled_from([None, {"run_id": "r", "arrived_at": "2026-03-01T11:59:00Z"}]),
        "source_created_at_uncut": st.just("x"),
        "karma": st.sampled_from([3, 1e400, {"deep": [1]}]),
    },
)


def _line(event: dict[str, Any], form: str) -> bytes:
    if form == "spaced":
        return json.dumps(event).encode()
    if form == "padded":
        return b" " + msgspec.json.encode(event)
    if form == "doubled":
        return msgspec.json.encode(event)[:-1] + b',"text":"again"}'
    return msgspec.json.encode(event)


def _made(row: Row, mapping: Mapping) -> tuple[OutRecord | Rejection, Notes]:
    notes = Notes()
    return event_of(row, mapping, now=NOW.timestamp(), notes=notes), notes


def _mapped(row: Row, mapping: Mapping) -> tuple[OutRecord | Rejection, Notes]:
    """What mapping field by field gives: with a blank behind it, a row is never what is to be written."""
    return _made(Row(row.number, row.cells, row.raw + b" ", row.problem), mapping)


@given(
    _events,
    st.booleans(),
    st.sampled_from(["plain", "plain", "spaced", "padded", "doubled"]),
    st.permutations(range(15)),
    st.integers(0, 20),
    st.sampled_from([256 * 1024, 200]),
)
@example({}, True, "plain", list(range(15)), 20, 256 * 1024)
def test_the_short_way_gives_what_mapping_gives_and_refuses_what_it_refuses(
    changed: dict[str, Any], is_whole: bool, form: str, order: list[int], moved: int, most: int
) -> None:
    event = {**EVENT, **changed} if is_whole else {"event_id": EVENT["event_id"], **changed}
    if moved < 5:
        names = list(event)
        event = {names[at]: event[names[at]] for at in order if at < len(names)}
    mapping = Mapping(source="x", max_bytes=most)
    row = object_row(1, _line(event, form))
    if event.get("event_id") is None:
        # Its id is made of its bytes, and a blank is one more.
        return
    assert _made(row, mapping) == _mapped(row, mapping)


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"surface": None},
        {"language": "en", "parent_id": "post-0", "hold": True, "context": {"room": "1"}},
        {"text": "", "media": [{"uri": "s3://b/k", "mime_type": "image/png", "sha256": None}]},
        {"text": 'é😀\n"\\'},
    ],
)
def test_what_the_mapping_would_write_is_not_written_again(more: dict[str, Any]) -> None:
    row = object_row(1, msgspec.json.encode({**EVENT, **more}))
    made, _ = _made(row, Mapping(source="x"))
    assert isinstance(made, OutRecord)
    assert made.data is row.raw


@pytest.mark.parametrize(
    ("mapping", "name", "wanted"),
    [
        (Mapping(source="x", columns={"text": "surface"}), "text", "comment"),
        (Mapping(source="x", constants={"surface": "forum"}), "surface", "forum"),
        (Mapping(source="x", defaults={"language": "de"}), "language", "de"),
        (
            Mapping(source="x", shift=TimeShift(NOW, NOW, NOW + timedelta(minutes=1))),
            "created_at",
            "2026-03-01T12:00:00.000001Z",
        ),
    ],
)
def test_what_is_asked_for_is_done_to_events_that_are_one_already(mapping: Mapping, name: str, wanted: str) -> None:
    made, _ = _made(object_row(1, msgspec.json.encode(EVENT)), mapping)
    assert isinstance(made, OutRecord)
    assert json.loads(made.data)[name] == wanted


def test_a_row_of_a_table_that_looks_like_an_event_is_what_its_cells_say() -> None:
    cells: dict[str, object] = {**EVENT, "schema_version": "1"}
    made, _ = _made(Row(1, cells, msgspec.json.encode(EVENT)), Mapping(source="x"))
    assert isinstance(made, Rejection)
