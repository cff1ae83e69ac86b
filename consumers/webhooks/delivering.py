"""One batch of the webhook's queue: verdicts become deliveries, deliveries go to subscribers, receipts land.

Each message fails for itself. Whatever is not certain is done again: a receiver gets each verdict at least once, with
one id. Nothing is acknowledged before what is known of it is durable.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from consumers.breaker import Breaker
from consumers.ports import DeliveryStreams, Each, TransientError
from consumers.resend import Retry, send
from consumers.webhooks.messages import Delivery, encode_delivery, read_body
from consumers.webhooks.ports import Directory, Post, Queue, Received, Reply, UnreachableError
from consumers.webhooks.schedule import SHORTEST_WAIT, is_over, wait
from consumers.webhooks.subscribers import Refusal, Subscriber
from glue.codec import landed_timestamp
from glue.contract import Notice, ReceiptRow
from glue.ports import Clock
from glue.webhooks import Answer, signed_headers

MAX_SEND = 10
"""Messages of one SendMessageBatch. Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""
MAX_SEND_BYTES = 900_000
MAX_LINES = 500
GONE = 410
_HEADERS = {"content-type": "application/json", "user-agent": "streamkeeper-webhook/1"}


class Delivered(Struct):
    """What became of a batch.

    Args:
        failed: ids of the messages that come again.
        verdicts: verdicts that deliveries were made of, and how many ``due`` deliveries.
        delivered, tried_in_vain, held_back, given_up: deliveries by what became of them; those held back were not
            tried, because their subscriber does not answer at the moment.
        unsaid: of those delivered, how many receivers did not say what they did.
        refused: subscribers of whom what is written cannot be used.
        oldest: age in seconds of the oldest delivery that was not taken.
    """

    failed: list[str]
    verdicts: int = 0
    due: int = 0
    delivered: int = 0
    unsaid: int = 0
    tried_in_vain: int = 0
    held_back: int = 0
    given_up: int = 0
    refused: int = 0
    oldest: float = 0.0


class _Outcome(Struct, frozen=True):
    """What became of one message.

    Args:
        row: the receipt to land.
        bury: why it goes to the dead letters; None: it does not.
        wait: for how long it is hidden when it comes again, in seconds; 0: for as long as the queue does by itself.
    """

    message: Received
    row: ReceiptRow | None = None
    bury: str | None = None
    wait: int = 0


class Webhook:
    """Delivers. What it remembers from batch to batch is which subscribers do not answer.

    Args:
        stream: the delivery stream that receipts land by.
        queue, post, directory, streams: the world.
        clock: time and jitter.
        retry: how often one call to AWS is tried.
        timeout: how long a subscriber may take, in seconds; no request is begun with less time left.
        each: applies a function to several items at the same time.
    """

    def __init__(
        self,
        stream: str,
        *,
        queue: Queue,
        post: Post,
        directory: Directory,
        streams: DeliveryStreams,
        clock: Clock,
        retry: Retry,
        timeout: float,
        each: Each = map,
    ) -> None:
        self._stream = stream
        self._queue = queue
        self._post = post
        self._directory = directory
        self._streams = streams
        self._clock = clock
        self._retry = retry
        self._timeout = timeout
        self._each = each
        self._breakers: defaultdict[str, Breaker] = defaultdict(lambda: Breaker(failures=5, seconds=60.0))

    def process(self, messages: Sequence[Received], *, deadline: float) -> Delivered:
        """Does what can be done for each message, and gives those that come again.

        Args:
            messages: of the queue; a subscriber is asked about all of them at the same time.
            deadline: seconds since 1970; nothing is begun after it.

        Raises:
            DefectError: something that no retry mends, such as a right that is missing.
        """
        report = Delivered([])
        try:
            subscribers = self._directory.read(self._clock.now())
        except TransientError:
            # Nothing was tried of them: they need not wait for as long as a batch may take.
            for message in messages:
                self._queue.hide(message.handle, round(SHORTEST_WAIT))
            report.failed = [message.message_id for message in messages]
            return report
        report.refused = sum(isinstance(one, Refusal) for one in subscribers.values())
        deliveries: list[tuple[Received, Delivery]] = []
        verdicts: list[tuple[Received, Notice]] = []
        for message in messages:
            match read_body(message.body):
                case Delivery() as delivery:
                    deliveries.append((message, delivery))
                case Notice() as notice:
                    verdicts.append((message, notice))
                case None:
                    self._settle(_Outcome(message, bury="malformed"), report)
        self._spread(verdicts, subscribers, report, deadline)
        self._deliver(deliveries, subscribers, report, deadline)
        return report

    # ------------------------------------------------------------------------------------------------ verdicts

    def _spread(
        self,
        verdicts: Sequence[tuple[Received, Notice]],
        subscribers: Mapping[str, Subscriber | Refusal],
        report: Delivered,
        deadline: float,
    ) -> None:
        """Makes a delivery for each subscriber that wants a verdict; a verdict that nobody wants ends here.

        Whether somebody wants it cannot be known while what is written of them cannot be used: it is made all the
        same, and judged before it is sent.
        """
        made: list[tuple[Received, Delivery]] = [
            (message, Delivery("delivery", name, notice))
            for message, notice in verdicts
            for name, one in subscribers.items()
            if isinstance(one, Refusal) or one.wants(notice)
        ]
        noted = self._noted()
        rows = [one.receipt("due", receives=0, noted_at=noted) for _, one in made]
        failed = {made[index][0].message_id for index in self._land(rows, deadline)}
        waiting = [(message, one) for message, one in made if message.message_id not in failed]
        for some in _sends([(message, one.subscriber, encode_delivery(one)) for message, one in waiting]):
            bodies = [(name, body) for _, name, body in some]
            sent = send(bodies, self._queue.send, retry=self._retry, clock=self._clock, deadline=deadline)
            failed |= {some[index][0].message_id for index in sent.left}
        report.failed += sorted(failed)
        report.verdicts += sum(message.message_id not in failed for message, _ in verdicts)
        report.due += sum(message.message_id not in failed for message, _ in made)

    # ---------------------------------------------------------------------------------------------- deliveries

    def _deliver(
        self,
        deliveries: Sequence[tuple[Received, Delivery]],
        subscribers: Mapping[str, Subscriber | Refusal],
        report: Delivered,
        deadline: float,
    ) -> None:
        outcomes: list[_Outcome] = []
        to_try: list[tuple[Received, Delivery, Subscriber]] = []
        probing: set[str] = set()
        now = self._clock.now()
        for message, delivery in deliveries:
            subscriber = subscribers.get(delivery.subscriber)
            if subscriber is None:
                outcomes.append(self._given_up(message, delivery, "unsubscribed"))
            elif isinstance(subscriber, Refusal):
                outcomes.append(self._missed(message, delivery, "subscriber_refused"))
            elif not subscriber.wants(delivery.notice):
                outcomes.append(self._given_up(message, delivery, "not_wanted"))
            elif not subscriber.enabled:
                outcomes.append(self._missed(message, delivery, "disabled"))
            elif now + self._timeout > deadline or self._is_held_back(delivery.subscriber, probing, now):
                report.held_back += 1
                outcomes.append(self._missed(message, delivery, "unreachable"))
            else:
                to_try.append((message, delivery, subscriber))
        tried: list[_Outcome] = []
        answered = self._each(lambda one: self._try(*one), to_try)
        for (_, delivery, _), (outcome, answers) in zip(to_try, answered, strict=True):
            tried.append(outcome)
            if answers:
                self._breakers[delivery.subscriber].succeeded()
            else:
                self._breakers[delivery.subscriber].failed(self._clock.now())
        report.tried_in_vain += sum(one.row is None or one.row.state != "delivered" for one in tried)
        outcomes += tried
        rows = [(at, one.row) for at, one in enumerate(outcomes) if one.row is not None]
        not_landed = {rows[index][0] for index in self._land([row for _, row in rows], deadline)}
        for at, outcome in enumerate(outcomes):
            # Without its receipt a delivery is not done: it is made again, with the same id.
            self._settle(outcome if at not in not_landed else _Outcome(outcome.message), report)

    def _is_held_back(self, name: str, probing: set[str], now: float) -> bool:
        """Whether a subscriber is left alone for now. After a while one delivery alone finds out whether it answers."""
        state = self._breakers[name].state(now)
        if state == "half_open" and name not in probing:
            probing.add(name)
            return False
        return state != "closed"

    def _try(self, message: Received, delivery: Delivery, subscriber: Subscriber) -> tuple[_Outcome, bool]:
        """What became of it, and whether the subscriber is there. Called from several threads."""
        body = delivery.message()
        keys = {key.id: key.secret for key in subscriber.keys}
        headers = {**_HEADERS, **signed_headers(delivery.id, int(self._clock.now()), body, keys)}
        try:
            reply = self._post(subscriber.url, headers, body)
        except UnreachableError as error:
            return self._missed(message, delivery, error.reason), False
        if 200 <= reply.status < 300:
            answer = _answer(reply)
            row = delivery.receipt(
                "delivered",
                receives=message.receives,
                noted_at=self._noted(),
                done=answer.done if answer else None,
                reference=answer.reference if answer else None,
            )
            return _Outcome(message, row), True
        if reply.status == GONE:
            return self._given_up(message, delivery, "gone", bury=True), True
        # Who answers at all is there: one message that it will not take is no reason to keep others from it.
        is_there = reply.status < 500 and reply.status != 429
        return self._missed(message, delivery, f"http_{reply.status}", reply.retry_after), is_there

    def _missed(self, message: Received, delivery: Delivery, reason: str, retry_after: str = "") -> _Outcome:
        """It comes again, unless it has done so for a day."""
        age = self._clock.now() - message.sent_at
        if is_over(age):
            return self._given_up(message, delivery, reason, bury=True)
        return _Outcome(message, wait=wait(age, self._clock.random(), retry_after))

    def _given_up(self, message: Received, delivery: Delivery, reason: str, *, bury: bool = False) -> _Outcome:
        row = delivery.receipt("given_up", receives=message.receives, noted_at=self._noted(), reason=reason)
        return _Outcome(message, row, reason if bury else None)

    # ------------------------------------------------------------------------------------------------- the end

    def _settle(self, outcome: _Outcome, report: Delivered) -> None:
        """Buries what is given up, hides what comes again, and counts."""
        message, row = outcome.message, outcome.row
        if outcome.bury is not None:
            try:
                self._queue.bury(message.body, outcome.bury)
            except TransientError:
                report.failed.append(message.message_id)
                return
        if row is not None and row.state == "delivered":
            report.delivered += 1
            report.unsaid += row.done is None
        elif row is not None or outcome.bury is not None:
            report.given_up += 1
        else:
            report.failed.append(message.message_id)
            report.oldest = max(report.oldest, self._clock.now() - message.sent_at)
            if outcome.wait:
                self._queue.hide(message.handle, outcome.wait)

    def _land(self, rows: Sequence[ReceiptRow], deadline: float) -> list[int]:
        """The rows that are not durable, by index."""
        starts = range(0, len(rows), MAX_LINES)
        packs = [_lines(rows[start : start + MAX_LINES]) for start in starts]
        if not packs:
            return []
        sent = send(
            packs,
            lambda some: self._streams.put(self._stream, some),
            retry=self._retry,
            clock=self._clock,
            deadline=deadline,
        )
        return [at for left in sent.left for at in range(starts[left], min(starts[left] + MAX_LINES, len(rows)))]

    def _noted(self) -> str:
        return landed_timestamp(datetime.fromtimestamp(self._clock.now(), UTC))


def _answer(reply: Reply) -> Answer | None:
    """What a receiver says it did; None when it does not say, or not in the words of the contract."""
    try:
        return msgspec.json.decode(reply.body, type=Answer)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return None


_lines = msgspec.json.Encoder().encode_lines


def _sends(made: Sequence[tuple[Received, str, str]]) -> Iterator[list[tuple[Received, str, str]]]:
    """Messages in groups that one call takes."""
    some: list[tuple[Received, str, str]] = []
    size = 0
    for one in made:
        if some and (len(some) == MAX_SEND or size + len(one[2]) > MAX_SEND_BYTES):
            yield some
            some, size = [], 0
        some.append(one)
        size += len(one[2])
    if some:
        yield some
