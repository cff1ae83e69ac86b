"""Streamkeeper's handler as Lambda runs it, under a workload's rules; only the three AWS services are stubs."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.workload import ARRIVAL, Workload
from consumers.aws.application import Application, concurrently
from consumers.aws.sinks import SystemClock
from consumers.batch import check_answer
from consumers.effects import Destinations, Effects
from consumers.pipeline import Consumer
from consumers.policy_keeper import PolicyKeeper
from consumers.ports import Notice, Status
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.codec import Lateness


class Stubs:
    """Takes everything, at once."""

    def __init__(self, taken: Callable[[Sequence[bytes]], None]) -> None:
        self._taken = taken

    def put(self, stream: str, records: Sequence[bytes]) -> Sequence[str | None]:
        self._taken(records)
        return [None] * len(records)

    def write(self, status: Status) -> None:
        pass


class Bus:
    """Takes every notice."""

    def put(self, notices: Sequence[Notice]) -> Sequence[str | None]:
        return [None] * len(notices)


def make_handler(
    workload: Workload, taken: Callable[[Sequence[bytes]], None], *, model: bool = False, crowd: bool = False
) -> Application:
    """The handler, which hands its Firehose records to ``taken``.

    Args:
        model: whether with the linear model.
        crowd: whether with rules about floods and repeats.
    """
    clock = SystemClock()
    keeper = PolicyKeeper(None, bundled=lambda: workload.policy(model=model, crowd=crowd), now=clock.now())
    stubs = Stubs(taken)
    effects = Effects(
        Destinations("verdicts", "quarantine", 86400),
        streams=stubs,
        bus=Bus(),
        statuses=stubs,
        clock=clock,
        retry=Retry(),
        each=concurrently(ThreadPoolExecutor(8)),
    )
    rows = RowMaker(keeper.moderator, Lateness(), code_version="bench")
    consumer = Consumer(rows, effects, clock=clock)
    return Application(
        consumer.process,
        check=check_answer,
        clock=clock,
        function="bench",
        rows=rows,
        policies=keeper,
        to_log=False,
    )


__all__ = ["ARRIVAL", "make_handler"]
