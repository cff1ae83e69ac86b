"""A process of a load: a plan on standard input, numbers as JSON lines on standard output. Started by the group."""

import sys

import msgspec

from glue.aws.settings import using
from glue.readers.rows import SourceError
from glue.system_clock import SystemClock
from glue.terminal.errors import CommandError
from glue.terminal.signals import Stop, stopping
from producers.load.messages import WorkerMessage
from producers.load.plan import Plan
from producers.load.sender import content_of, send, spool_of
from producers.load.snapshot import Snapshot
from producers.spool.errors import SpoolError
from producers.spool.spool import Spool


def main() -> int:
    """Reads the plan, says that it is ready, waits for the time to start, sends, and tells the numbers."""
    stop, clock = Stop(), SystemClock()
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    try:
        with stopping(stop), using(plan.aws), spool_of(plan) as spool:
            return _load(plan, spool, stop, clock)
    except SpoolError as error:
        return _tell(WorkerMessage(problem=str(error), code=2)) or 2


def _load(plan: Plan, spool: Spool | None, stop: Stop, clock: SystemClock) -> int:
    from producers.aws.kinesis import KinesisStream

    try:
        stream = KinesisStream(plan.stream, in_flight=plan.in_flight)
        content = content_of(plan, now=clock.now() if plan.as_of is None else plan.as_of)
    except CommandError as error:
        return _tell(WorkerMessage(problem=str(error), code=error.exit_code)) or error.exit_code
    except (SourceError, ValueError) as error:
        return _tell(WorkerMessage(problem=str(error), code=2)) or 2
    _tell(WorkerMessage(ready=True))
    line = sys.stdin.buffer.readline()
    if not line.strip():
        return 1
    start = float(line)

    def tick(snapshot: Snapshot) -> None:
        # Nobody listens: whoever started this is gone.
        if _tell(WorkerMessage(snapshot=snapshot)):
            stop.wish()

    _tell(
        WorkerMessage(snapshot=send(plan, content, stream, start=start, clock=clock, stop=stop, tick=tick, spool=spool))
    )
    return 0


def _tell(message: WorkerMessage) -> int:
    """0, or 1 when nobody listens."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
