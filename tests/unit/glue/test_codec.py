"""What becomes of bytes: every class of bad input ends where the contract says, and decode never raises."""

import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.codec import Lateness, canonical, decode, encode, landed_timestamp, parse_timestamp, wire_timestamp
from glue.contract import MAX_PAYLOAD_BYTES, BadInput, ContentEvent, Media, ReplayMark, WireEvent
from glue.vocabulary import REASONS
from tests.fakes.bad_inputs import BYTES, EVENT, FIELDS, TIMES, payload, raw

ARRIVAL = datetime(2026, 11, 20, 12, tzinfo=UTC)


def reason(data: bytes) -> str:
    result = decode(data, ARRIVAL)
    assert isinstance(result, BadInput), result
    assert result.reason.partition(":")[0] in REASONS
    return result.reason


def detail(changes: dict[str, object]) -> str:
    made = decode(payload(**changes), ARRIVAL)
    assert isinstance(made, BadInput)
    return made.detail


def landed(data: bytes) -> ContentEvent:
    result = decode(data, ARRIVAL)
    assert isinstance(result, ContentEvent), result
    return result


@pytest.mark.parametrize(("data", "expected"), BYTES)
def test_bytes_that_are_no_json_object_name_their_reason(data: bytes, expected: str) -> None:
    assert reason(data) == expected


@pytest.mark.parametrize(("changes", "expected"), FIELDS)
def test_a_field_that_does_not_fit_is_named_and_never_coerced(changes: dict[str, object], expected: str) -> None:
    assert reason(payload(**changes)) == expected
    # An unknown field beside it takes the other path through the codec and must not change the answer.
    assert reason(payload(**changes, something_new={"a": 1})) == expected


def test_an_exponent_is_no_integer() -> None:
    assert reason(payload().replace(b'"schema_version": 1', b'"schema_version": 1E0')) == "type"


@pytest.mark.parametrize(("created_at", "expected"), TIMES)
def test_a_time_that_is_none_says_which_kind_of_wrong_it_is(created_at: object, expected: str) -> None:
    assert reason(payload(created_at=created_at)) == expected


@pytest.mark.parametrize(
    ("created_at", "utc", "flags"),
    [
        ("2026-11-20T12:00:00Z", datetime(2026, 11, 20, 12, tzinfo=UTC), ()),
        ("2026-11-21T02:00:00+14:00", datetime(2026, 11, 20, 12, tzinfo=UTC), ()),
        ("2026-11-20T00:00:00-12:00", datetime(2026, 11, 20, 12, tzinfo=UTC), ()),
        ("2026-11-20T12:00:00.100000000Z", datetime(2026, 11, 20, 12, 0, 0, 100_000, tzinfo=UTC), ()),
        ("2026-11-21T11:00:00Z", datetime(2026, 11, 21, 11, tzinfo=UTC), ("skew",)),
        ("2026-10-22T12:00:00Z", datetime(2026, 10, 22, 12, tzinfo=UTC), ("late",)),
    ],
)
def test_a_time_lands_in_utc_and_is_flagged_when_late_or_ahead(
    created_at: str, utc: datetime, flags: tuple[str, ...]
) -> None:
    event = landed(payload(created_at=created_at))
    assert (event.created_at, event.flags) == (utc, flags)


def test_the_lateness_limit_is_a_setting() -> None:
    old = payload(created_at="2026-10-01T00:00:00Z")
    assert isinstance(decode(old, ARRIVAL, Lateness(past=timedelta(days=60))), ContentEvent)


TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("age", "outcome"),
    [
        (timedelta(hours=1), ()),
        (timedelta(hours=1) + TICK, ("late",)),
        (timedelta(days=30), ("late",)),
        (timedelta(days=30) + TICK, "time_range"),
        (-timedelta(minutes=5), ()),
        (-timedelta(minutes=5) - TICK, ("skew",)),
        (-timedelta(hours=24), ("skew",)),
        (-timedelta(hours=24) - TICK, "time_range"),
    ],
)
def test_every_limit_of_time_is_the_last_moment_that_is_allowed(age: timedelta, outcome: object) -> None:
    event = decode(payload(created_at=(ARRIVAL - age).isoformat()), ARRIVAL)
    assert (event.reason if isinstance(event, BadInput) else event.flags) == outcome


@pytest.mark.parametrize(
    ("age", "is_taken"),
    [
        (timedelta(days=400), True),
        (timedelta(days=400) + TICK, False),
        (-timedelta(minutes=5), True),
        (-timedelta(minutes=5) - TICK, False),
    ],
)
def test_a_replay_may_be_of_anything_up_to_the_limit_itself(age: timedelta, is_taken: bool) -> None:
    first = (ARRIVAL - age).isoformat()
    event = decode(payload(created_at=first, replay={"run_id": "r", "arrived_at": first}), ARRIVAL)
    assert isinstance(event, ContentEvent) is is_taken


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)), st.integers(-14 * 60, 14 * 60))
def test_a_moment_is_written_in_utc_with_six_decimals_whatever_its_zone(moment: datetime, minutes: int) -> None:
    given_zone = moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(minutes=minutes)))
    for whole in (given_zone, given_zone.replace(microsecond=0), given_zone.astimezone(UTC)):
        expected = whole.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
        assert landed_timestamp(whole) == expected
        assert wire_timestamp(whole) == expected.replace(" ", "T") + "Z"


def test_the_last_of_duplicate_keys_wins() -> None:
    assert landed(raw('"text":"the last"')).text == "the last"


def test_every_field_of_the_contract_is_kept_and_sent_again() -> None:
    given: dict[str, object] = {
        "schema_version": 1,
        "event_id": "0192f3a4-7c1e-7000-8000-000000000001",
        "content_id": "c-1",
        "author_id": "a-1",
        "surface": "chat",
        "created_at": "2026-11-20T11:59:00.000000Z",
        "text": "hello",
        "language": "en",
        "media": [{"uri": "s3://b/k", "mime_type": "image/png", "sha256": "0" * 64}],
        "parent_id": "c-0",
        "hold": True,
        "context": {"thread": "7"},
        "replay": {"run_id": "r-1", "arrived_at": "2026-11-20T11:59:30.000000Z"},
    }
    assert set(given) == set(WireEvent.__struct_fields__), "a new field needs a value here"
    event = landed(json.dumps(given).encode())
    # A field that is read and not passed on would be nowhere: extra_json holds unknown ones only.
    assert event.extra_json is None
    assert json.loads(encode(event)) == given


def test_a_distance_in_time_is_told_in_days_or_hours() -> None:
    assert detail({"created_at": "1970-01-01T00:00:00Z"}) == (
        "created_at is 20,777.5 days before its arrival; allowed: 30 days"
    )
    assert detail({"created_at": "2026-11-21T18:00:00Z"}) == (
        "created_at is 30 hours after its arrival; allowed: 24 hours"
    )


def test_unknown_fields_are_kept_to_the_digit() -> None:
    event = landed(raw('"zeta":1.10000000000000000001,"alpha":{"n":9007199254740993}'))
    assert event.extra_json == '{"alpha":{"n":9007199254740993},"zeta":1.10000000000000000001}'


def test_unknown_fields_of_a_media_item_are_kept() -> None:
    item = {"uri": "s3://b/k", "mime_type": "image/png", "width": 640}
    event = landed(payload(media=[item]))
    assert event.media == (Media("s3://b/k", "image/png"),)
    assert json.loads(event.extra_json or "") == {"media": [item]}
    assert decode(encode(event), ARRIVAL) == event


@pytest.mark.parametrize(
    "surface", ["../../x", "..", ".", "a/b", "EUR=", "%2F", "a?b#c", "&<>", "ｖideo", "vіdeo", "Chat"]
)
def test_a_surface_that_is_no_plain_word_lands_as_other_with_its_raw_value_kept(surface: str) -> None:
    event = landed(payload(surface=surface))
    assert (event.surface, event.flags) == ("other", ("surface_mapped",))
    assert json.loads(event.extra_json or "") == {"surface": surface}


def test_an_event_whose_surface_was_mapped_is_written_as_it_came() -> None:
    for surface, media in (("Chat", []), ("Chat", [{"uri": "u", "mime_type": "image/png", "width": 1}]), ("", [])):
        for more in ({}, {"zeta": [1]}):
            event = landed(payload(surface=surface, media=media, **more))
            assert json.loads(encode(event))["surface"] == surface
            assert decode(encode(event), ARRIVAL) == event
            assert canonical(landed(encode(event))) == canonical(event)


@pytest.mark.parametrize("surface", ["", None])
def test_no_surface_lands_as_unknown(surface: str | None) -> None:
    assert landed(payload(surface=surface)).surface == "unknown"


def test_a_nul_in_the_text_is_kept_and_flagged() -> None:
    event = landed(payload(text="a\0b"))
    assert (event.text, event.flags) == ("a\0b", ("nul",))


def test_a_text_may_be_empty_when_there_is_media() -> None:
    assert landed(payload(text="", media=[{"uri": "s3://b/k", "mime_type": "image/png"}])).text == ""


def test_a_replayed_event_is_judged_by_its_first_arrival() -> None:
    old = payload(created_at="2026-03-01T00:00:00Z", replay={"run_id": "run-1", "arrived_at": "2026-03-01T00:00:01Z"})
    assert landed(old).flags == ("replayed",)


def test_a_mark_that_asks_for_no_notice_is_written_as_it_was_before_marks_could_ask() -> None:
    quiet = ReplayMark("run-1", "2026-03-01T00:00:01Z")
    assert msgspec.json.encode(quiet) == b'{"run_id":"run-1","arrived_at":"2026-03-01T00:00:01Z"}'
    loud = payload(replay={"run_id": "run-1", "arrived_at": "2026-11-20T11:59:00Z", "notify": True})
    assert landed(loud).replay == ReplayMark("run-1", "2026-11-20T11:59:00Z", True)
    assert decode(encode(landed(loud)), ARRIVAL) == landed(loud)
    assert canonical(landed(loud)) == canonical(landed(payload()))


def test_no_detail_holds_anything_of_the_payload() -> None:
    canary = "canary7f3a"
    for field in EVENT:
        for value in (canary, canary + "\n", {canary: canary}, [canary]):
            result = decode(payload(**{field: value}), ARRIVAL)
            if isinstance(result, BadInput):
                assert canary not in result.detail
    assert canary not in decode(payload(media=[{canary: 1, "uri": 1}]), ARRIVAL).detail
    assert canary not in decode(payload(replay={canary: 1}), ARRIVAL).detail


ids = st.from_regex(r"[A-Za-z0-9._:@-]{1,20}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=80)
events = st.builds(
    ContentEvent,
    event_id=st.uuids().map(str),
    content_id=ids,
    author_id=ids,
    surface=st.from_regex(r"[a-z0-9_]{1,32}", fullmatch=True),
    created_at=st.datetimes(
        min_value=datetime(2026, 11, 20, 11, 10), max_value=datetime(2026, 11, 20, 12, 4), timezones=st.just(UTC)
    ),
    text=texts.filter(lambda text: "\0" not in text),
    language=st.sampled_from([None, "en", "pt-BR", "zh-Hant-TW"]),
    media=st.lists(st.builds(Media, uri=texts, mime_type=st.just("image/png")), max_size=2).map(tuple),
    parent_id=st.none() | ids,
    hold=st.booleans(),
    context=st.dictionaries(texts, texts, max_size=3),
    extra_json=st.none()
    | st.dictionaries(texts.map("x".__add__), st.integers() | texts | st.none(), min_size=1, max_size=3).map(
        lambda extra: msgspec.json.encode(dict(sorted(extra.items()))).decode()
    ),
)


@given(events)
def test_decode_of_encode_gives_the_same_event(event: ContentEvent) -> None:
    assert decode(encode(event), ARRIVAL) == event


@given(events)
def test_the_canonical_form_ignores_key_order_and_replay(event: ContentEvent) -> None:
    shuffled = json.dumps(dict(reversed(json.loads(encode(event)).items()))).encode()
    again = landed(shuffled)
    replayed = msgspec.structs.replace(event, replay=ReplayMark("run-1", "2026-11-20T12:00:00.000000Z"))
    assert canonical(again) == canonical(event) == canonical(replayed)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text(), st.lists).map(lambda v: repr(v).encode())
)
def test_decode_never_raises_on_bytes(data: bytes) -> None:
    assert isinstance(decode(data, ARRIVAL), BadInput)


@given(
    st.dictionaries(
        st.sampled_from([*EVENT, "media", "context", "replay", "hold", "language", "parent_id", "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
            max_leaves=5,
        ),
    )
)
def test_decode_never_raises_on_objects_of_the_wrong_shape(changes: dict[str, object]) -> None:
    assert isinstance(decode(msgspec.json.encode({**EVENT, **changes}), ARRIVAL), BadInput | ContentEvent)


@pytest.mark.parametrize("text", ["2026-11-30t09:50:00z", "2026-11-30T09:50:00z", "2026-11-30t10:50:00.000+01:00"])
def test_the_letters_of_a_time_may_be_small_ones(text: str) -> None:
    assert parse_timestamp(text) == datetime(2026, 11, 30, 9, 50, tzinfo=UTC)


def test_keys_are_counted_in_each_object_and_not_in_all_of_them() -> None:
    images = [{"u": number, "w": 1} for number in range(400)]
    landed(payload(preview=images))
    assert reason(payload(preview={f"k{number}": 1 for number in range(257)})) == "keys"


def test_a_surface_that_is_kept_as_it_came_is_written_once() -> None:
    document = {
        "schema_version": 1,
        "event_id": "00000000-0000-7000-8000-000000000001",
        "content_id": "c",
        "author_id": "a",
        "surface": "Main Page!",
        "created_at": "2026-11-20T11:59:00Z",
        "text": "hello",
    }
    event = decode(msgspec.json.encode(document), datetime(2026, 11, 20, 12, tzinfo=UTC), Lateness())
    assert isinstance(event, ContentEvent)
    assert event.surface == "other"
    again = encode(event)
    assert again.count(b'"surface"') == 1
    assert msgspec.json.decode(again)["surface"] == "Main Page!"


@pytest.mark.parametrize("surface", ["Chat", "comment"])
def test_an_encoded_event_names_each_field_once(surface: str) -> None:
    item = {"uri": "s3://b/k", "mime_type": "image/png", "width": 1}
    event = landed(payload(surface=surface, media=[item], beside="kept"))
    for encoded in (encode(event), canonical(event)):
        names = json.loads(encoded, object_pairs_hook=lambda pairs: [name for name, _ in pairs])
        assert len(names) == len(set(names))
        assert json.loads(encoded)["media"] == [item]


def test_a_payload_of_exactly_the_limit_is_read_and_one_byte_more_is_not() -> None:
    rest = len(payload(note=""))
    assert isinstance(decode(payload(note="x" * (MAX_PAYLOAD_BYTES - rest)), ARRIVAL), ContentEvent)
    over = decode(payload(note="x" * (MAX_PAYLOAD_BYTES - rest + 1)), ARRIVAL)
    assert isinstance(over, BadInput)
    assert over.reason == "size"
