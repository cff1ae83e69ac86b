"""Every row of the three real streams becomes an event or a named rejection, and the ids come again the same."""

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from glue.readers.sources import Source
from producers.mapping.datasets import Dataset, RejectedRow
from producers.mapping.fields import Mapping
from producers.ports import OutRecord

FOLDER = Path(os.environ["STREAMKEEPER_DATA"]) / "streams"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()

STREAMS: dict[str, tuple[int, dict[str, Any], dict[str, int]]] = {
    "reddit_goemotions": (
        54_263,
        {"columns": {"event_id": "id"}, "constants": {"surface": "comment"}, "defaults": {"author_id": "reddit"}},
        {},
    ),
    "ubuntu_irc_chat": (
        27_500,
        {"columns": {"author_id": "user", "created_at": "ts"}, "constants": {"surface": "chat"}},
        # Joins and parts have no author; three messages are empty.
        {"missing:author_id": 2_027, "text": 3},
    ),
    "wikipedia_edits_2015": (
        39_199,
        {
            "columns": {"text": "comment", "author_id": "user", "created_at": "time", "parent_id": "page"},
            "constants": {"surface": "edit"},
        },
        {},
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_every_row_becomes_an_event_or_a_named_rejection(name: str) -> None:
    rows, settings, rejected = STREAMS[name]
    with Source(str(FOLDER / name / "events.jsonl.gz")) as source:
        mapping = Mapping(source=source.name, **settings)
        dataset = Dataset(source, mapping, now=NOW, shift_time="created_at" in mapping.columns)
        made = list(dataset)
    reasons = Counter(item.reason for item in made if isinstance(item, RejectedRow))
    events = [item for item in made if isinstance(item, OutRecord)]
    assert len(made) == rows
    assert reasons == rejected
    assert len(events) == rows - sum(rejected.values())
    assert len({event.event_id for event in events}) == len(events)


def test_joins_and_parts_of_the_chat_pass_too_when_a_default_author_is_given() -> None:
    _, settings, _ = STREAMS["ubuntu_irc_chat"]
    with Source(str(FOLDER / "ubuntu_irc_chat" / "events.jsonl.gz")) as source:
        mapping = Mapping(source=source.name, defaults={"author_id": "server"}, **settings)
        made = list(Dataset(source, mapping, now=NOW, shift_time=True))
    assert Counter(item.reason for item in made if isinstance(item, RejectedRow)) == {"text": 3}


def test_ids_are_the_same_the_second_time_and_shifted_times_end_now() -> None:
    _, settings, _ = STREAMS["wikipedia_edits_2015"]
    with Source(str(FOLDER / "wikipedia_edits_2015" / "events.jsonl.gz")) as source:
        dataset = Dataset(source, Mapping(source=source.name, **settings), now=NOW, shift_time=True)
        first, second = ([item for item in dataset if isinstance(item, OutRecord)] for _ in range(2))
    assert first == second
    times = [msgspec.json.decode(item.data)["created_at"] for item in first]
    assert max(times) == "2026-03-01T12:00:00.000000Z"
    assert min(times) > "2026-02-28T12:00:00"
