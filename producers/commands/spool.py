"""``spool``: what a spool on disk holds, and sending it. Also ``python -m producers.commands.spool``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec

from glue.aws.options import AWS_OPTIONS
from glue.ports import Clock
from glue.system_clock import SystemClock
from glue.terminal.commands import examples_help, group
from glue.terminal.errors import IN_USE, STOPPED, UNREACHABLE, UnreachableError, WrongUseError, exit_codes_help
from glue.terminal.progress import progress
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from glue.terminal.signals import Stop, stopping
from producers.commands.spool_options import WAIT, as_command_error, found_lines
from producers.commands.stack_options import STACK_OPTION, STREAM_OPTION
from producers.delivery.report import DeliveryReport, DeliverySettings
from producers.delivery.sending import open_delivery
from producers.ports import OutRecord, PutResult, Stream, StreamRefusedError
from producers.spool.errors import SpoolError
from producers.spool.findings import Corrupt, Torn
from producers.spool.spool import Opened, Spool
from producers.spool.status import SpoolStatus, status

_SHOWN = 20


def _connect(name: str, in_flight: int) -> Stream:
    # Imported here: boto3 takes longer to load than --help may.
    from producers.aws.kinesis import KinesisStream

    return KinesisStream(name, in_flight=in_flight)


def _no_stack(stack: str) -> str:
    raise WrongUseError(f"which stream of stack {stack}? Give --stream, or use `streamkeeper spool flush`")


@dataclass(frozen=True)
class World:
    """What the command needs from outside: streams, stack outputs, a clock. Tests give theirs as click's object."""

    stream_of: Callable[[str], str] = _no_stack
    connect: Callable[[str, int], Stream] = _connect
    clock: Clock = field(default_factory=SystemClock)


STATUS_EPILOG = (
    examples_help("streamkeeper spool status /var/spool/streamkeeper")
    + "Changes nothing, and works while a producer writes the spool.\n\n"
    + exit_codes_help(
        done="all is well, empty or not",
        failed="damaged segments need attention",
        wrong_use="no spool there",
    )
)

FLUSH_EPILOG = """\b
Examples:
  streamkeeper spool flush /var/spool/streamkeeper
  streamkeeper spool flush --stream content --wait 600 --json /var/spool/streamkeeper

What is left stays in the spool.

""" + exit_codes_help(
    done="the spool is empty",
    failed="records are left, were refused or cannot be read",
    also=(UNREACHABLE, IN_USE),
    stopped="what is left stays in the spool",
)


class Flushed(msgspec.Struct, kw_only=True):
    """What a flush did. ``found`` and ``left`` count records, ``sent`` counts events: an aggregate is several."""

    folder: str
    found: int
    sent: int = 0
    left: int = 0
    calls: int = 0
    throttled: int = 0
    bytes_sent: int = 0
    seconds: float = 0.0
    refused_ids: list[str] = []
    torn: list[Torn] = []
    corrupt: list[Corrupt] = []
    stopped: str | None = None
    is_interrupted: bool = False


def flush(
    folder: Path,
    connect: Callable[[], Stream],
    *,
    clock: Clock,
    wait: float,
    in_flight: int = 4,
    stop: Stop | None = None,
    on_sent: Callable[[int], None] | None = None,
) -> Flushed:
    """Sends what is in a spool and tells what became of it. An empty one needs no stream.

    Args:
        folder: of the spool.
        connect: gives the stream.
        clock: time and chance.
        wait: seconds after which what is left stays.
        in_flight: calls at a time.
        stop: a wish to stop.
        on_sent: called with the number of records sent so far.

    Raises:
        SpoolError: the spool cannot be opened.
    """
    stop = stop or Stop(abandons_at=1)
    started = clock.now()
    with Spool(folder) as spool:
        opened = spool.opened
        done = Flushed(folder=str(folder), found=opened.records, torn=opened.torn, corrupt=opened.corrupt)
        if not opened.records:
            return done
        sent = 0

        def accepted(taken: Sequence[tuple[OutRecord, PutResult]]) -> None:
            nonlocal sent
            sent += len(taken)
            if on_sent is not None:
                on_sent(sent)

        settings = DeliverySettings(in_flight=in_flight, keep_ids=False)
        delivery = open_delivery(connect(), clock=clock, settings=settings, on_accepted=accepted, spool=spool)
        stop.abandon = delivery.abandon
        report = delivery.close(0 if stop() else wait)
        _account(done, report, spool.left)
    done.seconds = clock.now() - started
    done.is_interrupted = stop()
    return done


def _account(done: Flushed, report: DeliveryReport, left: int) -> None:
    done.sent, done.left = report.sent, left
    done.calls, done.throttled, done.bytes_sent = report.calls, report.throttled, report.bytes_sent
    done.refused_ids = report.failed_ids
    done.stopped = None if report.stopped is None else str(report.stopped)


@group(epilog=examples_help("python -m producers.commands.spool status /var/spool/streamkeeper"))
def spool() -> None:
    """Events that were accepted onto a disk (`--spool DIR`) and are not yet in the stream."""


@spool.command("status", epilog=STATUS_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def status_command(context: click.Context, /, folder: Path, *, as_json: bool) -> None:
    """Show what a spool holds: records, bytes, age, damage."""
    world = context.find_object(World) or World()
    try:
        found = status(folder, now=world.clock.now())
    except SpoolError as error:
        raise as_command_error(error) from None
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        for line in _status_lines(found):
            click.echo(inert(line))
    context.exit(int(found.is_damaged))


class FlushRequest(msgspec.Struct, frozen=True):
    """What was asked for of a flush."""

    folder: Path
    stream: str | None
    stack: str
    wait: float
    in_flight: int
    as_json: bool


@spool.command("flush", epilog=FLUSH_EPILOG)
@takes(
    FlushRequest,
    click.argument("folder", metavar="DIR", type=click.Path(path_type=Path)),
    STREAM_OPTION,
    STACK_OPTION,
    *AWS_OPTIONS,
    click.option(
        "--wait",
        type=click.FloatRange(min=0),
        default=WAIT,
        show_default=True,
        metavar="SECONDS",
        help="How long to go on; what is left then stays.",
    ),
    click.option(
        "--in-flight", default=4, show_default=True, type=click.IntRange(1, 64), help="PutRecords calls at a time."
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object."),
)
def flush_command(context: click.Context, request: FlushRequest) -> None:
    """Send what a spool holds."""
    world = context.find_object(World) or World()
    # What is not sent is safe where it is.
    stop = Stop(abandons_at=1)
    try:
        before = status(request.folder, now=world.clock.now())
        with (
            stopping(stop),
            progress("flushing", before.records, unit="records", clock=world.clock.now) as advance,
        ):
            done = flush(
                request.folder,
                lambda: world.connect(request.stream or world.stream_of(request.stack), request.in_flight),
                clock=world.clock,
                wait=request.wait,
                in_flight=request.in_flight,
                stop=stop,
                on_sent=advance,
            )
    except SpoolError as error:
        raise as_command_error(error) from None
    except StreamRefusedError as error:
        raise UnreachableError(str(error)) from None
    if request.as_json:
        click.echo(msgspec.json.encode(done))
    else:
        for line in _flush_lines(done):
            click.echo(inert(line))
    context.exit(_exit_code(done))


def _exit_code(done: Flushed) -> int:
    if done.is_interrupted and done.left:
        return STOPPED
    if done.stopped is not None:
        return UNREACHABLE
    return int(bool(done.left or done.refused_ids or done.corrupt))


def _status_lines(found: SpoolStatus) -> Iterator[str]:
    if found.records:
        yield (
            f"{found.records:,} records wait in {found.segments:,} segments, {found.bytes / 1e6:,.1f} MB; "
            f"the oldest for {_age(found.oldest_age or 0.0)}"
        )
    else:
        yield f"nothing waits in {found.folder}"
    if found.writer is not None:
        yield f"process {found.writer} has it open"
    for torn in found.torn:
        yield f"{torn}, left by a crash; nothing accepted is in it, and the next process to open the spool cuts it off"
    for corrupt in found.corrupt:
        yield f"DAMAGED: {corrupt}; the next process to open the spool puts the segment aside and keeps what is intact"
    for name in found.put_aside:
        yield f"PUT ASIDE: corrupt/{name}: damaged; look after the disk, then remove the file"
    if found.records and found.writer is None:
        yield f"to send them: streamkeeper spool flush {found.folder}"


def _flush_lines(done: Flushed) -> Iterator[str]:
    yield from found_lines(Opened(0, done.torn, done.corrupt))
    if not done.found:
        yield f"nothing waited in {done.folder}"
        return
    pace = f"{done.sent / done.seconds:,.0f}/s" if done.seconds > 0 else "at once"
    yield (
        f"{done.sent:,} events of {done.found:,} records sent in {done.seconds:.1f} s: {done.bytes_sent / 1e6:,.1f} MB "
        f"in {done.calls:,} calls, {pace}; {done.throttled:,} throttled and sent again"
    )
    if done.refused_ids:
        shown = ", ".join(done.refused_ids[:_SHOWN]) + (" ..." if len(done.refused_ids) > _SHOWN else "")
        yield f"{len(done.refused_ids):,} events were refused for what is in them, and stay: {shown}"
    if done.stopped is not None:
        yield f"stopped: {done.stopped}"
    if done.is_interrupted and done.left:
        yield "stopped by Ctrl-C"
    yield f"{done.left:,} records are left in the spool" if done.left else "the spool is empty"


def _age(seconds: float) -> str:
    """A time span as people say it.

    >>> _age(59), _age(7_200), _age(200_000)
    ('59 s', '2.0 h', '2.3 days')
    """
    for name, size in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.0f} s"


if __name__ == "__main__":
    spool()
