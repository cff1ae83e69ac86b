"""``load``: events at a rate that follows a profile. Also ``python -m producers.commands.load --stream NAME``."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from glue.aws.settings import aws_settings
from glue.codec import wire_timestamp
from glue.prices import Prices, read_prices
from glue.readers.rows import SourceError
from glue.terminal.commands import command
from glue.terminal.errors import (
    FAILED,
    GATE_MISSED,
    IN_USE,
    STOPPED,
    UNREACHABLE,
    UnreachableError,
    WrongUseError,
    exit_codes_help,
)
from glue.terminal.moment_option import Moment
from glue.terminal.requests import takes
from glue.terminal.signals import Stop, stopping
from producers.commands.load_request import OPTIONS, LoadRequest
from producers.commands.produce import World
from producers.commands.spool_options import as_command_error, spool_bytes
from producers.delivery.aggregating import bucket_keys
from producers.load.cost import cost
from producers.load.display import display
from producers.load.group import Board, GroupError, run_group
from producers.load.plan import FileContent, Plan
from producers.load.profiles import NAMES, Profile, named, parse
from producers.load.sender import content_of, send, spool_of
from producers.load.snapshot import Snapshot
from producers.load.summary import Gates, Summary, summarize, summary_lines
from producers.ports import StreamRefusedError
from producers.spool.errors import SpoolError
from producers.synthetic.content import Shares

EPILOG = """\b
Shapes: steady keeps --rate; ramp climbs to it; diurnal is a day pressed into --duration, with --rate at noon;
  spike is --factor times the rate once, burst again and again. A file holds points, CSV t,rate or JSON
  [[0, 100], [60, 500]]: seconds and events a second, straight lines between them, two at one time are a jump;
  --rate then scales its peak, --duration its length.

\b
Examples:
  streamkeeper load --shape steady --rate 500 --duration 60s
  streamkeeper load --shape spike --rate 200 --factor 10 --peak-for 60s --duration 3m --max-lost 0 --p95-ms 2000
  streamkeeper load --shape day.csv --content posts.jsonl --map author_id=user --processes 2 --aggregate
  streamkeeper load --rate 1000 --duration 5m --hot 0.3 --duplicates 0.05 --late 0.02 --malformed 0.01 --seed 7

Events are due by the clock, whether or not others were answered: latency is measured from when an event was due, so a
stream that keeps the sender waiting does not look fast. The same --seed, --as-of and --processes send the same bytes.

""" + exit_codes_help(
    done="all accepted and every gate kept",
    failed="events were lost, or a process broke off",
    also=(UNREACHABLE, GATE_MISSED, IN_USE),
    stopped="what was offered is still sent, and accounted for",
)


def execute(world: World, request: LoadRequest) -> int:
    """Loads the stream as the options say, prints the account, and gives the exit code.

    Raises:
        CommandError: nothing was sent, and why.
    """
    if aws_settings().profile in NAMES:
        raise WrongUseError(f"--profile names an AWS profile; say --shape {aws_settings().profile}")
    try:
        prices = read_prices(request.prices)
        plan = _plan(world, request)
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    stop = Stop()
    broken_off: list[int] = []
    try:
        with stopping(stop), display(prices, clock=world.clock) as show:
            if plan.processes == 1:
                load = _here(plan, world, stop, show)
            else:
                load, broken_off = run_group(plan, clock=world.clock, stop=stop, tick=show)
    except SourceError as error:
        raise WrongUseError(str(error)) from None
    except StreamRefusedError as error:
        raise UnreachableError(str(error)) from None
    except SpoolError as error:
        raise as_command_error(error) from None
    except GroupError as error:
        raise (UnreachableError if error.code == UNREACHABLE else WrongUseError)(str(error)) from None
    summary = _summary(load, plan, prices, request, broken_off)
    if request.as_json:
        click.echo(msgspec.json.encode(summary))
    else:
        for line in summary_lines(summary):
            click.echo(line)
    return exit_code(summary, max_lost=request.gates.max_lost)


def exit_code(summary: Summary, *, max_lost: int | None) -> int:
    """What the command ends with; see its help."""
    if summary.is_interrupted:
        return STOPPED
    if summary.stopped is not None:
        return UNREACHABLE
    if summary.missed_gates:
        return GATE_MISSED
    return FAILED if summary.broken_off or (max_lost is None and summary.lost) else 0


def _here(plan: Plan, world: World, stop: Stop, show: Callable[[Snapshot], None]) -> Snapshot:
    """The whole load from this process."""
    stream = world.connect(plan.stream, plan.in_flight)
    board = Board([plan.planned])

    def tick(snapshot: Snapshot) -> None:
        board.put(0, snapshot)
        show(board.total())

    content = content_of(plan, now=plan.as_of or 0.0)
    with spool_of(plan) as spool:
        start = world.clock.now()
        tick(send(plan, content, stream, start=start, clock=world.clock, stop=stop, tick=tick, spool=spool))
    return board.total()


def _plan(world: World, request: LoadRequest) -> Plan:
    profile = _profile(request)
    said = {
        "hot": request.hot,
        "duplicate": request.duplicates,
        "late": request.late,
        "malformed": request.malformed,
    }
    shares = {name: share for name, share in said.items() if share is not None}
    if request.aggregate:
        bucket_keys(request.buckets)
    stream = request.stream or world.stream_of(request.stack)
    if request.aggregate:
        troubles = world.aggregate_troubles(stream)
        if troubles:
            raise WrongUseError(f"--aggregate: {'; '.join(troubles)}. Change the mapping, or leave --aggregate out")
    content = None
    if request.content != "synthetic":
        content = FileContent(
            path=request.content,
            columns=_pairs("--map", request.maps),
            constants=_pairs("--set", request.sets),
            defaults=_pairs("--default", request.defaults),
        )
    return Plan(
        stream=stream,
        profile=profile,
        processes=request.processes,
        as_of=_as_of(request.as_of, world),
        seed=request.seed,
        shares=Shares(**{"live": 1.0, **shares}),
        content=content,
        in_flight=request.in_flight,
        paced=request.pace,
        aggregate=request.aggregate,
        buckets=request.buckets,
        spool=None if request.spool is None else str(request.spool),
        spool_bytes=spool_bytes(request.spool_size),
        spool_wait=request.spool_wait,
        aws=aws_settings(),
    )


def _profile(request: LoadRequest) -> Profile:
    name, rate, duration = request.shape, request.rate, request.duration
    if name in NAMES:
        if rate is None or duration is None:
            raise WrongUseError(f"--shape {name}: how much, and how long? Give --rate and --duration")
        made = named(
            name, rate=rate, duration=duration, factor=request.factor, peak_for=request.peak_for, every=request.every
        )
    else:
        path = Path(name)
        if not path.is_file():
            raise WrongUseError(f"--shape {name}; allowed: {', '.join(NAMES)}, or a file of points")
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            raise WrongUseError(f"--shape {name}: it cannot be read; give a text file of points") from None
        try:
            made = parse(text).scaled(peak=rate, duration=duration)
        except ValueError as error:
            raise WrongUseError(f"--shape {name}: {error}") from None
    if made.count == 0:
        raise WrongUseError("--rate times --duration is less than one event; give more of one of them")
    return made


def _pairs(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise ValueError(f"{option} {text!r}; allowed: FIELD=VALUE, such as {option} text=body")
        pairs[name] = value
    return pairs


def _as_of(at: Moment | None, world: World) -> float:
    now = world.clock.now()
    # Whole milliseconds, so that the --as-of that is printed is all of it.
    return int(now * 1000) / 1000 if at is None else at.at(now).timestamp()


def _summary(load: Snapshot, plan: Plan, prices: Prices, request: LoadRequest, broken_off: list[int]) -> Summary:
    gates = Gates(
        max_lost=request.gates.max_lost,
        p95_ms=request.gates.p95_ms,
        p99_ms=request.gates.p99_ms,
        min_rate=request.gates.min_rate,
    )
    return summarize(
        load,
        gates,
        cost=cost(load, prices),
        as_of=wire_timestamp(datetime.fromtimestamp(plan.as_of or 0.0, UTC)),
        seed=plan.seed,
        processes=plan.processes,
        broken_off=broken_off,
    )


@command(epilog=EPILOG)
@takes(LoadRequest, *OPTIONS)
def main(context: click.Context, request: LoadRequest) -> None:
    """Put a load on the stream: events at a rate that follows a shape, measured from when they are due."""
    context.exit(execute(context.find_object(World) or World(), request))


if __name__ == "__main__":
    main()
