"""Streamkeeper's handler as Lambda runs it, under a policy."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.workload import ARRIVAL
from consumers.aws.application import Application, Parts, concurrently
from consumers.batch import check_answer
from consumers.effects import Destinations, Effects
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer
from consumers.policy_keeper import PolicyKeeper
from consumers.ports import DeliveryStreams, EventBus, Status, StatusTable
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.codec import Lateness
from glue.contract import Notice
from glue.system_clock import SystemClock


class Streams:
    """Takes every row, at once."""

    def __init__(self, taken: Callable[[Sequence[bytes]], None]) -> None:
        self._taken = taken

    def put(self, stream: str, records: Sequence[bytes]) -> Sequence[str | None]:
        self._taken(records)
        return [None] * len(records)


class Table:
    """Keeps every status."""

    def put(self, statuses: Sequence[Status]) -> Sequence[str | None]:
        return [None] * len(statuses)


class Bus:
    """Takes every notice."""

    def put(self, notices: Sequence[Notice]) -> Sequence[str | None]:
        return [None] * len(notices)


def make_handler(policy: Policy, streams: DeliveryStreams, bus: EventBus, statuses: StatusTable) -> Application:
    """The handler under a policy, with these services."""
    clock = SystemClock()
    keeper = PolicyKeeper(None, bundled=lambda: policy, now=clock.now())
    effects = Effects(
        Destinations("verdicts", "quarantine", 86400),
        streams=streams,
        bus=bus,
        statuses=statuses,
        clock=clock,
        retry=Retry(),
        each=concurrently(ThreadPoolExecutor(8)),
    )
    rows = RowMaker(keeper.moderator, Lateness(), code_version="bench")
    parts = Parts(rows=rows, effects=effects, clock=clock, function="bench", policies=keeper, to_log=False)
    return Application(parts, Consumer(rows, effects, clock=clock).process, check=check_answer)


def make_stubbed(policy: Policy, taken: Callable[[Sequence[bytes]], None]) -> Application:
    """The handler under a policy, which hands its Firehose records to ``taken``; the services are stubs."""
    return make_handler(policy, Streams(taken), Bus(), Table())


__all__ = ["ARRIVAL", "Bus", "Streams", "Table", "make_handler", "make_stubbed"]
