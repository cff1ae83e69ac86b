"""Scored texts on the stream: events like any other, and nothing that waits for a stream that is away."""

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from consumers.scoring.ports import Submission
from glue.codec import decode, encode
from glue.contract import ContentEvent
from infra.serving.stream import StreamSubmissions, event_of
from producers.ports import OutRecord, PutResult, StreamRefusedError
from tests.fakes.stream import FakeStream, VirtualClock

ID = "0190a0a0-0000-7000-8000-000000000001"
AT = 1_780_000_000.0


@pytest.mark.parametrize(
    "submission",
    [
        Submission("You idiot.", "web", "en-US", "chat", "author-1", "content-1", {"score.TOXICITY": "0.97"}),
        Submission("x", "web", "no language at all", "comment", "not an id", "nor this", {}),
        Submission("x", "web", None, context={f"key{n}": "v" for n in range(100)}),
    ],
)
def test_a_text_becomes_an_event_that_every_consumer_takes(submission: Submission) -> None:
    event = decode(encode(event_of(submission, event_id=ID, at=AT)), datetime.fromtimestamp(AT, UTC))
    assert isinstance(event, ContentEvent)
    assert (event.text, event.context["scored_for"]) == (submission.text, "web")


def test_texts_are_put_on_the_stream_and_counted() -> None:
    stream, outcomes = FakeStream(), Counter[str]()
    submissions = StreamSubmissions(
        stream, clock=VirtualClock(now=AT), outcome=lambda what, count: outcomes.update({what: count})
    )
    for number in range(700):
        submissions.submit(Submission(f"text {number}", "web"))
    submissions.close()
    assert outcomes == {"accepted": 700}


class StuckStream:
    """Does not answer before it is told to, and then refuses everything."""

    def __init__(self) -> None:
        self.called, self.go = threading.Event(), threading.Event()

    def put(self, records: Sequence[OutRecord]) -> Sequence[PutResult]:
        self.called.set()
        self.go.wait(600)
        raise StreamRefusedError(stream="s", region="r", code="ResourceNotFoundException", next_step="Make it.")


def test_a_stream_that_is_away_holds_nobody_up_and_what_is_lost_is_counted() -> None:
    stream, outcomes = StuckStream(), Counter[str]()
    submissions = StreamSubmissions(
        stream, clock=VirtualClock(now=AT), outcome=lambda what, count: outcomes.update({what: count}), most=10
    )
    for number in range(2000):
        submissions.submit(Submission(f"text {number}", "web"))
    assert outcomes["lost"] > 0
    stream.go.set()
    submissions.close()
    assert outcomes == {"lost": 2000}
