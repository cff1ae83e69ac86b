"""Scored texts on their way to the stream: archived, moderated and reported like everything else there."""

import logging
import queue
import re
import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from consumers.scoring.ports import Submission
from glue.codec import encode
from glue.contract import MAX_CONTEXT, ContentEvent
from glue.ports import Clock
from glue.redaction import redacted
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import Delivery, open_delivery
from producers.ports import OutRecord, PutResult, Stream, StreamRefusedError

log = logging.getLogger("streamkeeper.serve")

MOST_WAITING = 10_000
"""Texts in memory; more are counted as lost, so that a stream that is away does not stop the scores."""
AUTHOR = "unknown"
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,7}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9._:@-]{1,128}")
_REOPEN_SECONDS = 5.0
_SETTINGS = DeliverySettings(linger=0.5, keep_ids=False, in_flight=2)


class StreamSubmissions:
    """Puts texts on a stream from a thread of its own.

    Args:
        stream: where to.
        clock: time and chance.
        outcome: called with what became of texts, and how many: ``accepted``, ``lost``.
        most: how many may wait.
    """

    def __init__(
        self, stream: Stream, *, clock: Clock, outcome: Callable[[str, int], None], most: int = MOST_WAITING
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._outcome = outcome
        self._waiting: queue.Queue[Submission | None] = queue.Queue(most)
        self._thread = threading.Thread(target=self._run, name="submissions", daemon=True)
        self._thread.start()

    def submit(self, submission: Submission, /) -> None:
        """Takes a text over at once, or counts it as lost; never waits."""
        try:
            self._waiting.put_nowait(submission)
        except queue.Full:
            self._outcome("lost", 1)

    def close(self, timeout: float | None = 10.0) -> None:
        """Sends what waits.

        Args:
            timeout: seconds after which what is left is given up.
        """
        self._waiting.put(None)
        self._thread.join(timeout)

    def _run(self) -> None:
        done = False
        while not done:
            delivery = open_delivery(self._stream, clock=self._clock, settings=_SETTINGS, on_accepted=self._accepted)
            try:
                done = self._send(delivery)
            except StreamRefusedError as error:
                log.error("%s", error)  # noqa: TRY400  the message says it all
                self._clock.sleep(_REOPEN_SECONDS)
            except Exception as error:
                log.error("texts for the stream failed: %s", redacted(error))  # noqa: TRY400  traces can hold content
                self._clock.sleep(_REOPEN_SECONDS)
            finally:
                if lost := len(delivery.close().failed_ids):
                    self._outcome("lost", lost)

    def _accepted(self, taken: Sequence[tuple[OutRecord, PutResult]]) -> None:
        self._outcome("accepted", len(taken))

    def _send(self, delivery: Delivery) -> bool:
        while True:
            try:
                submission = self._waiting.get(timeout=0.5)
            except queue.Empty:
                delivery.flush()
                if delivery.report.failed:
                    # A new one begins with an empty list of what failed.
                    return False
                continue
            if submission is None:
                return True
            event = event_of(submission, event_id=str(uuid.uuid4()), at=self._clock.now())
            delivery.put(OutRecord(event.event_id, event.event_id, encode(event)))


def event_of(submission: Submission, *, event_id: str, at: float) -> ContentEvent:
    """A text as an event of the stream.

    Args:
        submission: the text and what is known of it.
        event_id: a new id.
        at: seconds since 1970.
    """
    context = {"scored_for": submission.client, **submission.context}
    language = submission.language
    return ContentEvent(
        event_id,
        submission.content_id if _IDENTIFIER.fullmatch(submission.content_id) else event_id,
        submission.author_id if _IDENTIFIER.fullmatch(submission.author_id) else AUTHOR,
        submission.surface,
        datetime.fromtimestamp(at, UTC),
        submission.text,
        language if language is not None and _LANGUAGE.fullmatch(language) else None,
        context=dict(list(context.items())[:MAX_CONTEXT]),
    )
