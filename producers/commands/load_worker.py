"""A process of a load: a plan on standard input, numbers as JSON lines on standard output. Started by the group."""

import signal
import sys

import msgspec

from glue.readers.rows import SourceError
from glue.terminal.signals import ReadingStop
from producers.clock import SystemClock
from producers.load.messages import Told
from producers.load.plan import Plan
from producers.load.sender import content_of, send, spool_of
from producers.load.snapshot import Snapshot
from producers.ports import StreamRefusedError
from producers.spool.errors import SpoolError
from producers.spool.spool import Spool


def main() -> int:
    """Reads the plan, says that it is ready, waits for the time to start, sends, and tells the numbers."""
    stop, clock = ReadingStop(), SystemClock()
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    plan = msgspec.json.decode(sys.stdin.buffer.readline(), type=Plan)
    try:
        with spool_of(plan) as spool:
            return _load(plan, spool, stop, clock)
    except SpoolError as error:
        return _tell(Told(problem=str(error), code=2)) or 2


def _load(plan: Plan, spool: Spool | None, stop: ReadingStop, clock: SystemClock) -> int:
    from producers.aws.kinesis import KinesisStream

    try:
        stream = KinesisStream(plan.stream, in_flight=plan.in_flight)
        content = content_of(plan, now=clock.now() if plan.as_of is None else plan.as_of)
    except StreamRefusedError as error:
        return _tell(Told(problem=str(error), code=3)) or 3
    except (SourceError, ValueError) as error:
        return _tell(Told(problem=str(error), code=2)) or 2
    _tell(Told(ready=True))
    line = sys.stdin.buffer.readline()
    if not line.strip():
        return 1
    start = float(line)

    def tick(snapshot: Snapshot) -> None:
        # Nobody listens: whoever started this is gone.
        stop.is_wished |= bool(_tell(Told(snapshot=snapshot)))

    _tell(Told(snapshot=send(plan, content, stream, start=start, clock=clock, stop=stop, tick=tick, spool=spool)))
    return 0


def _tell(told: Told) -> int:
    """0, or 1 when nobody listens."""
    try:
        sys.stdout.buffer.write(msgspec.json.encode(told) + b"\n")
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
