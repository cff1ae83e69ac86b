"""What the default policy's rules about batches find in streams of ordinary people: nothing that is not there."""

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from consumers.batch import Batch, Record
from consumers.moderation.detectors.velocity import OF_BATCHES
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.rows import RowMaker
from glue.codec import Lateness, encode, landed_timestamp
from glue.contract import ContentEvent

STREAMS = Path(os.environ["STREAMKEEPER_DATA"]) / "streams"
ANY_AGE = Lateness(timedelta(days=40_000), timedelta(hours=24))
ARRIVED = datetime(2026, 1, 1, tzinfo=UTC)


def records(stream: str, *, text: str, author: str, time: str) -> Iterator[Record]:
    """The stream's texts as events; rows without an author or a time have all the same, as files that are loaded."""
    with gzip.open(STREAMS / stream / "events.jsonl.gz", "rt", encoding="utf-8") as rows:
        for number, row in enumerate(map(json.loads, rows)):
            event = ContentEvent(
                event_id=f"00000000-0000-7000-8000-{number:012d}",
                content_id=f"c{number}",
                author_id=sha256(str(row[author]).encode()).hexdigest() if row.get(author) else "unknown",
                surface="comment",
                created_at=datetime.fromisoformat(row[time]).astimezone(UTC) if time else ARRIVED,
                text=row.get(text) or "-",
            )
            yield Record(number, encode(event), ARRIVED, landed_timestamp(ARRIVED), "s", str(number), 0, "k")


@pytest.mark.parametrize("size", [100, 500])
@pytest.mark.parametrize(
    ("stream", "text", "author", "time"),
    [
        ("ubuntu_irc_chat", "text", "user", "ts"),
        ("reddit_goemotions", "text", "author", ""),
        ("wikipedia_edits_2015", "comment", "user", "time"),
    ],
)
def test_no_honest_text_is_flagged_for_its_batch(stream: str, text: str, author: str, time: str, size: int) -> None:
    maker = RowMaker(Moderator(Policy.load(read_policy("default"))), ANY_AGE, code_version="1")
    every = list(records(stream, text=text, author=author, time=time))
    judged, found = 0, []
    for start in range(0, len(every), size):
        rows = maker.make(Batch(every[start : start + size], [], []), ARRIVED)
        judged += len(rows.verdicts)
        found += [row.excerpt for row in rows.verdicts for signal in row.signals if signal.detector in OF_BATCHES]
    assert judged > 25_000
    assert found == []
