"""A stack that lives through a day: producers, a reader of the notices, and the alarms, minute by minute."""

import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from infra.local.faults import Fault
from infra.local.testbed import Testbed
from infra.local.twin import Twin
from tests.gamedays.functions import GameClock, VirtualFunctions

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC).timestamp()
CALM_MINUTES = 16
"""Before the fault: long enough for every alarm to have judged what is usual."""
MINUTES = 15
"""Within which an alarm has to go off."""
AFTER_MINUTES = 5
"""Watched after it, for alarms that nobody expects."""

CLEAN = "what a lovely morning for a walk by the lake"
ACTED_ON = "kys, you worthless idiot"


class GameTestbed(Testbed):
    """A testbed whose functions run here."""

    def __init__(self) -> None:
        self.time = GameClock(START)
        super().__init__(clock=self.time)
        self.made: VirtualFunctions

    def functions(self, **settings: Any) -> VirtualFunctions:
        """The runtime's functions."""
        self.made = VirtualFunctions(self.time, self.faults, **settings)
        return self.made


class RefusedPuts:
    """Turns rows away from delivery streams while a game day wants it."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def failing(self, stream: str, records: Iterable[bytes]) -> set[int]:
        """Which records are turned away."""
        return set(range(len(list(records)))) if stream in self.names else set()


class Day:
    """One day of a stack.

    Args:
        twin: the running stack.
        testbed: moves its clock.
        puts: turns rows away.
    """

    def __init__(self, twin: Twin, testbed: GameTestbed, puts: RefusedPuts) -> None:
        self.twin, self.testbed, self.puts = twin, testbed, puts
        self.functions = testbed.made
        self.outputs = twin.outputs
        self.reads_notices = True
        self.produces: Callable[[int], object] = self.usual
        self._made = 0
        self._at = 0

    # ------------------------------------------------------------------------------------------- what happens

    def usual(self, minute: int) -> None:
        """Some events on the stream, one of them acted on, and now and then some by the deferred lane."""
        self.put([self.event(CLEAN) for _ in range(5)] + [self.event(ACTED_ON)])
        if minute % 3 == 0:
            self.defer([self.event(CLEAN)])

    def event(self, text: str, **members: Any) -> bytes:
        """A sound event with that text, made now."""
        self._made += 1
        made = {
            "schema_version": 1,
            "event_id": f"00000000-0000-7000-8000-{self._made:012d}",
            "content_id": f"c-{self._made}",
            "author_id": f"a-{self._made % 17}",
            "surface": "comment",
            "created_at": datetime.fromtimestamp(self.testbed.time.now(), UTC).isoformat(),
            "text": text,
        }
        return json.dumps(made | members).encode()

    def put(self, records: Collection[bytes], *, key: str | None = None) -> int:
        """Puts records onto the stream; gives how many were turned away."""
        entries = [{"Data": one, "PartitionKey": key or f"k-{self._made}-{at}"} for at, one in enumerate(records)]
        refused = 0
        for at in range(0, len(entries), 500):
            answer = self.twin.client("kinesis").put_records(
                StreamName=self.outputs["ContentStreamName"], Records=entries[at : at + 500]
            )
            refused += answer["FailedRecordCount"]
        return refused

    def defer(self, records: Iterable[bytes], *, stream: str = "deferred") -> None:
        """Puts records straight into a delivery stream, by its name or what follows the stack's."""
        name = stream if stream.startswith("amazon-") else f"{self.twin.stack.name}-{stream}"
        entries = [{"Data": one} for one in records]
        self.twin.client("firehose").put_record_batch(DeliveryStreamName=name, Records=entries)

    def fault(self, **given: Any) -> None:
        """Switches a fault on until the day's end."""
        self.testbed.faults.add(Fault(**given))

    def read_notices(self) -> None:
        """Receives every notice and acts on it."""
        sqs, url = self.twin.client("sqs"), self.outputs["EnforcementQueueUrl"]
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            entries = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)

    @contextmanager
    def without_rule(self, name: str) -> Iterator[None]:
        """A rule of the stack's event bus is disabled meanwhile.

        Args:
            name: what follows the stack's name in its own.
        """
        events = self.twin.client("events")
        rule = {"Name": f"{self.twin.stack.name}-{name}", "EventBusName": self.outputs["EventBusName"]}
        events.disable_rule(**rule)
        try:
            yield
        finally:
            events.enable_rule(**rule)

    # ------------------------------------------------------------------------------------------- how it passes

    def minutes(self, count: int) -> None:
        """Lets so many minutes pass, each with its traffic."""
        for _ in range(count):
            self.produces(self._at)
            self._at += 1
            self.wait(2)
            if self.reads_notices:
                self.read_notices()
            begun = self.testbed.time.now()
            self.wait(60 - begun % 60)

    def wait(self, seconds: float) -> None:
        """Lets time pass, and everything happen that falls due."""
        self.testbed.handle("POST", "clock", {"advance": str(seconds)}, b"")
        self.settle()

    def settle(self) -> None:
        """Waits until nothing is under way."""
        pause = threading.Event()
        while True:
            while self.twin.mappings.busy():
                pause.wait(0.0005)
            self.twin.mappings.look()
            if not self.twin.mappings.busy() and all(one.idle() for one in self.twin.mappings.beside):
                break
            pause.wait(0.0005)

    def jump(self, **span: float) -> None:
        """Lets a long time pass at once, with nothing coming in."""
        self.wait(timedelta(**span).total_seconds())

    # ------------------------------------------------------------------------------------------- what is seen

    def gone_off(self) -> dict[str, float]:
        """The alarms that went off since the day began, by logical id, each with its first moment."""
        stack = self.twin.stack
        names = {one.physical_id: one.logical_id for one in stack.resources if one.type == "AWS::CloudWatch::Alarm"}
        found: dict[str, float] = {}
        for change in self.twin.cloudwatch.alarms.history:
            if change.after == "ALARM":
                found.setdefault(names[change.alarm], change.at)
        return found

    def calm(self, minutes: int = CALM_MINUTES) -> None:
        """The usual traffic, at which no alarm goes off."""
        self.minutes(minutes)
        seen = self.gone_off()
        assert not seen, f"went off on a usual day: {sorted(seen)}"

    def trips(self, *expected: str, also: Collection[str] = ()) -> float:
        """Lets the fault last, and sees the alarms that name it go off in time, and none that nobody expects.

        Args:
            expected: the alarms that have to go off.
            also: those that may.

        Returns:
            The minutes until the last of the expected ones.
        """
        begun = self.testbed.time.now()
        for _ in range(MINUTES):
            if set(expected) <= self.gone_off().keys():
                break
            self.minutes(1)
        seen = self.gone_off()
        missing = set(expected) - seen.keys()
        assert not missing, f"did not go off within {MINUTES} minutes: {sorted(missing)}; went off: {sorted(seen)}"
        self.minutes(AFTER_MINUTES)
        unexpected = self.gone_off().keys() - set(expected) - set(also)
        assert not unexpected, f"went off, and nobody expects them: {sorted(unexpected)}"
        return (max(seen[one] for one in expected) - begun) / 60

    def begin_anew(self) -> None:
        """Empties the stack and sets everything to what is usual."""
        self.puts.names.clear()
        self.testbed.clear()
        self.functions.begin_anew()
        self.reads_notices, self.produces, self._at = True, self.usual, 0
