"""The webhook on a virtual clock: a queue that hides, counts and hands out, receivers that check what they get."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from consumers.ports import TransientError
from consumers.resend import Retry
from consumers.webhooks.delivering import Delivered, Webhook
from consumers.webhooks.ports import Received, Reply, UnreachableError
from consumers.webhooks.subscribers import Key, Refusal, Subscriber
from glue.contract import Notice
from glue.vocabulary import Action
from glue.webhooks import verify
from tests.fakes.stream import VirtualClock

START = 1_772_323_200.0  # 2026-03-01
DEFAULT_HIDDEN, TIMEOUT = 180.0, 5.0
OLD, NEW = Key("2026-01", "whsec_" + "A" * 32), Key("2026-02", "whsec_" + "B" * 32)

Behaviour = Callable[[float], Reply]
"""What a receiver answers at this moment; it may raise UnreachableError."""

REMOVED = Reply(200, b'{"done": "removed", "reference": "case-7"}')


def works(now: float) -> Reply:
    return REMOVED


def down_until(end: float) -> Behaviour:
    return lambda now: REMOVED if now >= end else Reply(503)


def times_out(now: float) -> Reply:
    raise UnreachableError("timeout")


def notice(number: int, action: Action = "block", labels: tuple[str, ...] = ("hate",)) -> Notice:
    return Notice(
        verdict_id=f"verdict-{number}",
        event_id=f"0195d000-0000-7000-8000-{number:012x}",
        content_id=f"c-{number}",
        author_id="a-1",
        surface="comment",
        hold=False,
        action=action,
        labels=labels,
        top_label=labels[0] if labels else None,
        top_score=0.9,
        policy_id="default",
        policy_version="v",
        mode="live",
        created_at="2026-03-01 00:00:00.000000",
        decided_at="2026-03-01 00:00:01.000000",
    )


class _Message(msgspec.Struct):
    number: int
    body: str
    sent_at: float
    visible_at: float
    receives: int = 0


class Desk:
    """Everything around the webhook.

    Args:
        subscribers: who is told, by name; they can be changed on the way.
        behaviours: what each answers.
    """

    def __init__(self, subscribers: Mapping[str, Subscriber | Refusal], behaviours: Mapping[str, Behaviour]) -> None:
        self.clock = VirtualClock(START)
        self.subscribers = dict(subscribers)
        self.behaviours = dict(behaviours)
        self.known = {name: {OLD.id: OLD.secret, NEW.id: NEW.secret} for name in behaviours}
        self.waiting: list[_Message] = []
        self.dead: list[tuple[str, str]] = []
        self.got: defaultdict[str, list[tuple[float, str, str]]] = defaultdict(list)
        self.asked: defaultdict[str, int] = defaultdict(int)
        self.rows: list[dict[str, Any]] = []
        self.reports: list[Delivered] = []
        self.landing_fails = self.sending_fails = self.burying_fails = self.directory_fails = 0
        self._numbers = 0
        self._slowest = 0.0
        self.start()

    def start(self) -> None:
        """A new execution environment, which remembers nothing."""
        self.webhook = Webhook(
            "receipts",
            queue=self,
            post=self.post,
            directory=self,
            streams=_Streams(self),
            clock=self.clock,
            retry=Retry(attempts=2),
            timeout=TIMEOUT,
            each=self._each,
        )

    def tell(self, notices: Iterable[Notice]) -> None:
        """Puts verdicts into the queue as EventBridge does."""
        for one in notices:
            self.put(msgspec.json.encode({"version": "0", "source": "streamkeeper", "detail": one}).decode())

    def put(self, body: str) -> None:
        self._numbers += 1
        self.waiting.append(_Message(self._numbers, body, self.clock.time, self.clock.time))

    def redrive(self) -> None:
        """Puts every dead letter into the queue again, as a new message."""
        letters, self.dead = self.dead, []
        for body, _ in letters:
            self.put(body)

    def run(self, seconds: float) -> None:
        """Hands out what is visible, until the queue is empty or the time is over."""
        end = self.clock.time + seconds
        while self.waiting:
            some = [one for one in self.waiting if one.visible_at <= self.clock.time][:10]
            if not some:
                moment = min(one.visible_at for one in self.waiting)
                if moment > end:
                    break
                self.clock.time = moment
                continue
            for one in some:
                one.receives += 1
                one.visible_at = self.clock.time + DEFAULT_HIDDEN
            received = [
                Received(f"m{one.number}", f"h{one.number}", one.body, one.sent_at, one.receives) for one in some
            ]
            report = self.webhook.process(received, deadline=self.clock.time + 30)
            self.reports.append(report)
            failed = set(report.failed)
            handed = {one.number for one in some}
            self.waiting = [one for one in self.waiting if one.number not in handed or f"m{one.number}" in failed]
        self.clock.time = max(self.clock.time, end)

    def ids(self, name: str) -> set[str]:
        """The verdicts that a receiver has."""
        return {verdict for _, _, verdict in self.got[name]}

    def states(self, name: str) -> dict[str, set[str]]:
        """Of each verdict, the states in which the subscriber's deliveries landed."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            if row["subscriber"] == name:
                found[row["verdict_id"]].add(row["state"])
        return dict(found)

    # The ports.

    def send(self, bodies: Sequence[tuple[str, str]]) -> Sequence[str | None]:
        if self.sending_fails:
            self.sending_fails -= 1
            return ["InternalError", *[None for _, body in bodies[1:] if self.put(body) is None]]
        for _, body in bodies:
            self.put(body)
        return [None] * len(bodies)

    def hide(self, handle: str, seconds: int) -> None:
        for one in self.waiting:
            if f"h{one.number}" == handle:
                one.visible_at = self.clock.time + seconds

    def bury(self, body: str, reason: str) -> None:
        if self.burying_fails:
            self.burying_fails -= 1
            raise TransientError("InternalError")
        self.dead.append((body, reason))

    def read(self, now: float) -> Mapping[str, Subscriber | Refusal]:
        if self.directory_fails:
            self.directory_fails -= 1
            raise TransientError("ThrottlingException")
        return self.subscribers

    def put_rows(self, stream: str, records: Sequence[bytes]) -> Sequence[str | None]:
        if self.landing_fails:
            self.landing_fails -= 1
            raise TransientError("ServiceUnavailableException")
        for record in records:
            self.rows += [msgspec.json.decode(line) for line in record.splitlines()]
        return [None] * len(records)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        name = url.removeprefix("https://").partition(".")[0]
        self.asked[name] += 1
        try:
            reply = self.behaviours[name](self.clock.time)
        except UnreachableError:
            self._slowest = TIMEOUT
            raise
        if 200 <= reply.status < 300:
            message = verify(headers, body, self.known[name], self.clock.time)
            self.got[name].append((self.clock.time, message.id, message.data.verdict_id))
        return reply

    def _each(self, function: Callable[[Any], Any], items: Iterable[Any], /) -> list[Any]:
        # At the same time: together they take as long as the slowest.
        self._slowest = 0.0
        answers = [function(item) for item in items]
        self.clock.time += self._slowest
        return answers


class _Streams:
    """The delivery stream's port, beside the queue's."""

    def __init__(self, desk: Desk) -> None:
        self.put = desk.put_rows


def subscriber(name: str, *keys: Key, **filters: Any) -> Subscriber:
    return Subscriber(f"https://{name}.example/hook", keys or (OLD,), **filters)
