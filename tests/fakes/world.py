"""Everything a consumer touches, in memory: it fails as told, and remembers what was done in which order."""

from collections.abc import Callable, Sequence

import msgspec

from consumers.effects import MAX_STATUSES, Destinations, Effects
from consumers.ports import Status, TransientError
from consumers.resend import Retry
from glue.contract import Notice
from glue.ports import Clock

Fails = Callable[[int, int], bool]
"""Told the number of the call and of the item; says whether that item fails."""


def never(call: int, item: int) -> bool:
    """Nothing fails."""
    return False


class FakeWorld:
    """Delivery streams, bus and status table in one.

    Args:
        rows_fail, notices_fail, statuses_fail: which items fail in part.
        calls_fail: numbers of delivery-stream calls that fail as a whole.
        raises: an error to raise by the name of the port.
    """

    def __init__(
        self,
        *,
        rows_fail: Fails = never,
        notices_fail: Fails = never,
        statuses_fail: Fails = never,
        calls_fail: frozenset[int] = frozenset(),
        raises: dict[str, Exception] | None = None,
    ) -> None:
        self.effects: list[str] = []
        self.landed: dict[str, list[dict[str, object]]] = {}
        self.records: list[bytes] = []
        self.puts: list[list[bytes]] = []
        self.notices: list[Notice] = []
        self.writes: list[Status] = []
        self.statuses: dict[str, Status] = {}
        self._rows_fail, self._notices_fail, self._statuses_fail = rows_fail, notices_fail, statuses_fail
        self._calls_fail = calls_fail
        self._raises = raises or {}
        self._calls = {"rows": 0, "notices": 0, "statuses": 0}
        self.streams, self.bus, self.table = _Streams(self), _Bus(self), _Table(self)

    def call(self, port: str) -> int:
        """The number of this call, unless it has to fail."""
        number = self._calls[port]
        self._calls[port] += 1
        self.effects.append(port)
        if port in self._raises:
            raise self._raises[port]
        return number

    def rows(self, stream: str) -> list[dict[str, object]]:
        """What has landed in a stream."""
        return self.landed.get(stream, [])


class _Streams:
    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    def put(self, stream: str, records: Sequence[bytes]) -> Sequence[str | None]:
        world = self._world
        number = world.call("rows")
        world.puts.append(list(records))
        if number in world._calls_fail:
            raise TransientError("ServiceUnavailableException")
        errors: list[str | None] = []
        for item, record in enumerate(records):
            if world._rows_fail(number, item):
                errors.append("ServiceUnavailableException")
                continue
            errors.append(None)
            world.records.append(record)
            assert record.endswith(b"\n")
            rows = [msgspec.json.decode(line) for line in record[:-1].split(b"\n")]
            world.landed.setdefault(stream, []).extend(rows)
        return errors


class _Bus:
    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    def put(self, notices: Sequence[Notice]) -> Sequence[str | None]:
        world = self._world
        number = world.call("notices")
        failed = [world._notices_fail(number, item) for item in range(len(notices))]
        world.notices += [one for one, fails in zip(notices, failed, strict=True) if not fails]
        return ["ThrottlingException" if fails else None for fails in failed]


class _Table:
    def __init__(self, world: FakeWorld) -> None:
        self._world = world

    def put(self, statuses: Sequence[Status]) -> Sequence[str | None]:
        world = self._world
        number = world.call("statuses")
        assert len(statuses) == len({one.content_id for one in statuses}) <= MAX_STATUSES
        errors: list[str | None] = []
        for item, one in enumerate(statuses):
            if world._statuses_fail(number, item):
                errors.append("ThrottlingError")
                continue
            errors.append(None)
            world.writes.append(one)
            kept = world.statuses.get(one.content_id)
            if kept is None or kept.order_key < one.order_key:
                world.statuses[one.content_id] = one
        return errors


def effects_on(world: FakeWorld, clock: Clock, *, retry: Retry, seconds: int = 3600) -> Effects:
    """A consumer's effects, all of them on this world."""
    return Effects(
        Destinations("verdicts", "quarantine", status_seconds=seconds),
        streams=world.streams,
        bus=world.bus,
        statuses=world.table,
        clock=clock,
        retry=retry,
    )
