"""Made-up content: repeatable, believable in its mixture, and each malformed record is malformed as it says."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from glue.codec import decode
from glue.contract import BadInput, ContentEvent
from glue.kpl import aggregation
from glue.vocabulary import REASONS
from producers.limits import MAX_RECORD_BYTES
from producers.partitioning import partition_key
from producers.synthetic import harms, phrases
from producers.synthetic.content import Shares, SyntheticRecord, synthetic
from producers.synthetic.malformed import REASONS as MADE_REASONS
from producers.synthetic.malformed import malformed

NOW = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)
COUNT = 20_000
ACTED_ON = ("spam", "insult", "profanity", "hate", "threat", "personal", "disguised")


@pytest.fixture(scope="module")
def records() -> list[SyntheticRecord]:
    return list(synthetic(COUNT, now=NOW.timestamp(), seed=3))


@pytest.fixture(scope="module")
def events(records: list[SyntheticRecord]) -> list[ContentEvent]:
    decoded = [decode(record.payload, NOW) for record in records if record.event_id is not None]
    assert [one for one in decoded if isinstance(one, BadInput)] == []
    return [one for one in decoded if isinstance(one, ContentEvent)]


def test_the_same_seed_and_time_give_the_same_bytes_and_another_seed_other_ones(records: list[SyntheticRecord]) -> None:
    again = itertools.islice(synthetic(COUNT, now=NOW.timestamp(), seed=3), 500)
    assert list(again) == records[:500]
    other = next(synthetic(1, now=NOW.timestamp(), seed=4))
    assert other.payload != records[0].payload


def test_there_are_exactly_as_many_as_asked_for(records: list[SyntheticRecord]) -> None:
    assert len(records) == COUNT
    assert list(synthetic(0, now=0.0)) == []


def test_ids_and_keys_are_those_of_the_payload(records: list[SyntheticRecord], events: list[ContentEvent]) -> None:
    good = [record for record in records if record.event_id is not None]
    for record, event in zip(good, events, strict=True):
        assert record.event_id == event.event_id
        assert record.partition_key == partition_key(event.content_id)
    distinct = {record.event_id for record in good if record.kind != "duplicate"}
    assert len(distinct) == sum(record.kind != "duplicate" for record in good)
    assert distinct >= {record.event_id for record in good}


def test_each_kind_has_about_its_share(records: list[SyntheticRecord]) -> None:
    kinds = Counter(record.kind.partition(":")[0] for record in records)
    shares = Shares()
    for kind in (
        "spam",
        "insult",
        "profanity",
        "hate",
        "personal",
        "disguised",
        "late",
        "skew",
        "duplicate",
        "malformed",
    ):
        assert kinds[kind] / COUNT == pytest.approx(getattr(shares, kind), rel=0.5), kind
    acted_on = sum(kinds[kind] for kind in ACTED_ON) / COUNT
    assert 0.04 < acted_on < 0.06


def test_many_languages_and_surfaces_and_few_hot_authors(events: list[ContentEvent]) -> None:
    languages = Counter(event.language for event in events)
    assert {"en", "de", "es", "fr", "pt", "pl", "tr", "zh", "ja", "ko", "ar"} <= set(languages)
    assert languages["en"] / len(events) < 0.5
    assert len({event.surface for event in events}) >= 6
    authors = Counter(event.author_id for event in events)
    hottest = sum(count for _, count in authors.most_common(10))
    assert 0.15 < hottest / len(events) < 0.6
    assert len(authors) > 1_000


def test_replies_media_context_hold_and_unknown_fields_occur(events: list[ContentEvent]) -> None:
    contents = {event.content_id for event in events}
    replies = [event for event in events if event.parent_id is not None]
    assert len(replies) > COUNT // 10
    assert all(event.parent_id in contents for event in replies)
    for field in ("media", "context", "hold", "extra_json"):
        share = sum(bool(getattr(event, field)) for event in events) / len(events)
        assert 0.003 < share < 0.3, field


def test_times_lie_in_the_window_but_for_late_and_skewed_ones(
    records: list[SyntheticRecord], events: list[ContentEvent]
) -> None:
    kinds = {record.event_id: record.kind for record in records if record.kind != "duplicate"}
    for event in events:
        age = NOW - event.created_at
        match kinds[event.event_id]:
            case "late":
                assert timedelta(days=1) <= age < timedelta(days=30)
            case "skew":
                assert timedelta(hours=-24) < age < timedelta(minutes=-5)
            case _:
                assert timedelta(0) <= age <= timedelta(days=1, minutes=1)
    live = sum(timedelta(0) <= NOW - event.created_at <= timedelta(minutes=1) for event in events)
    assert 0 < live / len(events) < 0.01
    hours = Counter(event.created_at.hour for event in events)
    assert len(hours) == 24
    assert max(hours.values()) < 0.1 * len(events), "no hour towers over the day"


def test_every_language_has_harm_of_every_kind_in_its_own_words(
    records: list[SyntheticRecord], events: list[ContentEvent]
) -> None:
    assert harms.HARM.keys() == phrases.TALK.keys()
    kinds = {record.event_id: record.kind for record in records}
    seen = {(event.language, kinds[event.event_id]) for event in events}
    for language in phrases.TALK:
        found = {kind for spoken, kind in seen if spoken == language}
        assert len(found & set(ACTED_ON)) >= 2, language


def test_one_campaign_of_near_copies_and_one_incident_stand_out_of_the_day(
    records: list[SyntheticRecord], events: list[ContentEvent]
) -> None:
    kinds = {record.event_id: record.kind for record in records}
    campaign = [event for event in events if event.text.lower().startswith("invest with")]
    assert len(campaign) > 50
    assert max(event.created_at for event in campaign) - min(event.created_at for event in campaign) < timedelta(
        hours=4
    )
    assert len({event.author_id for event in campaign}) > 10
    hate = Counter(event.created_at.hour for event in events if kinds[event.event_id] == "hate")
    assert sum(count for _, count in hate.most_common(3)) > 0.5 * sum(hate.values())


def test_malformed_records_are_quarantined_for_the_reason_they_say() -> None:
    records = synthetic(3_000, now=NOW.timestamp(), shares=Shares(malformed=0.5))
    seen = set()
    for record in records:
        kind, _, reason = record.kind.partition(":")
        if kind != "malformed":
            continue
        refused = aggregation.decode(record.payload) or decode(record.payload, NOW)
        assert isinstance(refused, BadInput), reason
        assert refused.reason == reason
        assert record.event_id is None
        assert 0 < len(record.payload) < MAX_RECORD_BYTES
        seen.add(reason)
    assert seen == set(MADE_REASONS)
    assert {reason.partition(":")[0] for reason in seen} <= set(REASONS)


def test_shares_and_reasons_outside_the_allowed_are_refused_aloud() -> None:
    with pytest.raises(ValueError, match="at most 1"):
        list(synthetic(1, now=0.0, shares=Shares(spam=0.7, insult=0.7)))
    with pytest.raises(ValueError, match="allowed"):
        malformed("nonsense", b"{}", 0)


def test_personal_data_is_of_the_kinds_reserved_for_examples(
    records: list[SyntheticRecord], events: list[ContentEvent]
) -> None:
    personal = {record.event_id for record in records if record.kind == "personal"}
    texts = [event.text for event in events if event.event_id in personal]
    assert len(texts) > 100
    for text in texts:
        assert "@" not in text or "example." in text
        assert "+1 " not in text or "+1 202-555-01" in text
