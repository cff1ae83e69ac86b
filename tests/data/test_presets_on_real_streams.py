"""The presets on the real streams: each row is an event, a named rejection, or passed over because it is no content."""

import gzip
import json
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from producers.commands.inputs import dataset_of
from producers.commands.produce_request import ProduceRequest
from producers.mapping.datasets import PassedOver, RejectedRow
from producers.ports import OutRecord

FOLDER = Path(os.environ["STREAMKEEPER_DATA"]) / "streams"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


def read(path: Path, preset: str, *, shift_time: bool) -> tuple[list[dict[str, Any]], Counter[str], int]:
    """The events, the reasons of what was rejected, and how many rows were passed over."""
    request = ProduceRequest(from_=str(path), preset=preset, shift_time=shift_time)
    _, dataset, source = dataset_of(request, now=NOW)
    made = list(dataset)
    source.close()
    events = [msgspec.json.decode(item.data) for item in made if isinstance(item, OutRecord)]
    reasons = Counter(item.reason for item in made if isinstance(item, RejectedRow))
    return events, reasons, sum(isinstance(item, PassedOver) for item in made)


@pytest.mark.parametrize(
    ("stream", "preset", "shift_time", "events", "passed_over", "surface"),
    [
        ("reddit_goemotions", "reddit", False, 54_263, 0, "comment"),
        # Joins and parts have no author; three messages are empty.
        ("ubuntu_irc_chat", "irc", True, 25_470, 2_030, "chat"),
        ("wikipedia_edits_2015", "wikimedia", True, 39_199, 0, "edit"),
    ],
)
def test_every_row_of_a_real_stream_is_accounted_for(
    stream: str, preset: str, shift_time: bool, events: int, passed_over: int, surface: str
) -> None:
    made, reasons, over = read(FOLDER / stream / "events.jsonl.gz", preset, shift_time=shift_time)
    assert (len(made), dict(reasons), over) == (events, {}, passed_over)
    assert len({event["event_id"] for event in made}) == events
    assert {event["surface"] for event in made} == {surface}


def test_the_chat_as_plain_text_says_the_same_as_its_json(tmp_path: Path) -> None:
    """The logs written back as they were: one file a day, minutes only."""
    days: dict[str, list[dict[str, Any]]] = {}
    with gzip.open(FOLDER / "ubuntu_irc_chat" / "events.jsonl.gz", "rt", encoding="utf-8") as rows:
        for row in map(json.loads, rows):
            days.setdefault(row["file"], []).append(row)
    for name, rows_of_day in days.items():
        lines = [
            f"[{row['ts'][11:16]}] <{row['user']}> {row['text']}" if row["user"] is not None else row["text"]
            for row in rows_of_day
        ]
        (tmp_path / f"{name}.#ubuntu.txt").write_text("\n".join(lines) + "\n", "utf-8")

    from_text, reasons, over = read(tmp_path, "irc", shift_time=True)
    from_json, _, _ = read(FOLDER / "ubuntu_irc_chat" / "events.jsonl.gz", "irc", shift_time=True)

    assert dict(reasons) == {}
    messages = [event for event in from_text if event["context"]["kind"] == "message"]
    # The data set has actions ("* nick waves") among its system rows, since their authors were not taken out.
    actions = [event for event in from_text if event["context"]["kind"] == "action"]
    assert (len(messages), len(messages) + len(actions) + over) == (25_470, 27_500)
    assert len(actions) == 59

    # Some files run past midnight: the data set leaves them on one day, where the plain text goes on to the next.
    def said(events: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
        return Counter((event["text"], event["source_created_at"][11:16]) for event in events)

    assert said(messages) == said(from_json)
