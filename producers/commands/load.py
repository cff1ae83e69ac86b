"""``load``: events at a rate that follows a profile. Also ``python -m producers.commands.load --stream NAME``."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import msgspec

from glue.aws.options import AWS_OPTIONS
from glue.aws.settings import aws_settings
from glue.codec import wire_timestamp
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
from glue.terminal.signals import Stop, stopping
from glue.terminal.times import read_time
from producers.commands.produce import AGGREGATION, World
from producers.commands.spool_options import SPOOLING, as_command_error, spool_bytes
from producers.delivery.aggregating import bucket_keys
from producers.load.cost import cost
from producers.load.display import display
from producers.load.group import Board, GroupError, run_group
from producers.load.plan import FileContent, Plan
from producers.load.prices import Prices, read_prices
from producers.load.profiles import NAMES, Profile, named, parse
from producers.load.sender import content_of, send, spool_of
from producers.load.snapshot import Snapshot
from producers.load.summary import Gates, Summary, summarize, told
from producers.ports import StreamRefusedError
from producers.spool.errors import SpoolError
from producers.synthetic.content import Shares

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

Command = TypeVar("Command", bound=Callable[..., Any])

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


class Seconds(click.ParamType[float]):
    """A length of time: a number of seconds, or one with ms, s, m or h."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds.

        >>> [Seconds().convert(text, None, None) for text in ("90", "90s", "1.5m", "250ms")]
        [90.0, 90.0, 90.0, 0.25]
        """
        text = str(value)
        for unit in ("ms", "s", "m", "h", ""):
            if text.endswith(unit):
                try:
                    return float(text.removesuffix(unit)) * _UNITS.get(unit, 1.0)
                except ValueError:
                    break
        raise click.BadParameter(f"{text!r}; allowed: a length of time such as 30s, 5m or 1h", ctx, param)


_SHARE = click.FloatRange(0, 0.9)
_ABOVE_ZERO = click.FloatRange(min=0, min_open=True)

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--shape",
        "profile",
        default="steady",
        show_default=True,
        metavar="NAME|FILE",
        help=f"How the rate moves: {', '.join(NAMES)}, or a file of points.",
    ),
    click.option("--rate", type=_ABOVE_ZERO, help="Events a second."),
    click.option("--duration", type=Seconds(), help="How long: 30s, 5m, 1h."),
    click.option(
        "--factor", type=_ABOVE_ZERO, default=10.0, show_default=True, help="What a burst or spike makes of it."
    ),
    click.option("--peak-for", type=Seconds(), help="How long a burst or spike lasts."),
    click.option("--every", type=Seconds(), help="From one burst's begin to the next's."),
    click.option("--content", default="synthetic", show_default=True, metavar="synthetic|FILE", help="What is sent."),
    click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Of a content file, as for produce."),
    click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same value on every event."),
    click.option("--default", "defaults", multiple=True, metavar="FIELD=VALUE", help="Where a row has none."),
    click.option("--seed", default=1, show_default=True, help="Another seed makes other content."),
    click.option("--as-of", metavar="TIME", help="When the first event is created, RFC 3339; else now."),
    click.option("--hot", type=_SHARE, default=0.0, help="Share of events under one partition key."),
    click.option("--duplicates", type=_SHARE, help="Share that repeats an earlier event. [default: 0.004]"),
    click.option("--late", type=_SHARE, help="Share that is a day late or more. [default: 0.006]"),
    click.option("--malformed", type=_SHARE, help="Share that is broken on purpose. [default: 0.002]"),
    click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="That share the load."),
    click.option(
        "--in-flight",
        default=4,
        show_default=True,
        type=click.IntRange(1, 64),
        help="PutRecords calls at a time, each.",
    ),
    click.option(
        "--pace/--no-pace",
        default=True,
        help="Send to each shard at the rate it takes (default), or at once, and again what is throttled.",
    ),
    *AGGREGATION,
    *SPOOLING,
    click.option(
        "--prices",
        type=click.Path(path_type=Path),
        help="Table of prices, TOML; the one that comes along is an example.",
    ),
    click.option("--max-lost", type=click.IntRange(min=0), help="Gate: events that may be lost."),
    click.option("--p95-ms", type=_ABOVE_ZERO, help="Gate: from due to accepted, for 95 of 100."),
    click.option("--p99-ms", type=_ABOVE_ZERO, help="Gate: the same, for 99 of 100."),
    click.option("--min-rate", type=_ABOVE_ZERO, help="Gate: accepted a second, over all."),
    click.option("--stream", envvar="STREAMKEEPER_STREAM", help="The stream's name; else the stack's."),
    click.option("--stack", default="streamkeeper", show_default=True, envvar="STREAMKEEPER_STACK"),
    *AWS_OPTIONS,
    click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object."),
)


def options(command: Command) -> Command:
    """The command with the options of ``load``; :func:`execute` takes their values."""
    dressed: Any = command
    for option in reversed(_OPTIONS):
        dressed = option(dressed)
    return cast(Command, dressed)


def execute(world: World, given: dict[str, Any]) -> int:
    """Loads the stream as the options say, prints the account, and gives the exit code.

    Raises:
        CommandError: nothing was sent, and why.
    """
    if aws_settings().profile in NAMES:
        raise WrongUseError(f"--profile names an AWS profile; say --shape {aws_settings().profile}")
    try:
        prices = read_prices(given["prices"])
        plan = _plan(world, given)
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
    summary = _summary(load, plan, prices, given, broken_off)
    if given["as_json"]:
        click.echo(msgspec.json.encode(summary))
    else:
        for line in told(summary):
            click.echo(line)
    return exit_code(summary, max_lost=given["max_lost"])


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


def _plan(world: World, given: dict[str, Any]) -> Plan:
    profile = _profile(given)
    shares = {name: given[option] for name, option in _SHARES.items() if given[option] is not None}
    if given["aggregate"]:
        bucket_keys(given["buckets"])
    stream = given["stream"] or world.stream_of(given["stack"])
    if given["aggregate"]:
        troubles = world.aggregate_troubles(stream)
        if troubles:
            raise WrongUseError(f"--aggregate: {'; '.join(troubles)}. Change the mapping, or leave --aggregate out")
    content = None
    if given["content"] != "synthetic":
        content = FileContent(
            path=given["content"],
            columns=_pairs("--map", given["maps"]),
            constants=_pairs("--set", given["sets"]),
            defaults=_pairs("--default", given["defaults"]),
        )
    return Plan(
        stream=stream,
        profile=profile,
        processes=given["processes"],
        as_of=_as_of(given["as_of"], world),
        seed=given["seed"],
        shares=Shares(**{"live": 1.0, **shares}),
        content=content,
        in_flight=given["in_flight"],
        paced=given["pace"],
        aggregate=given["aggregate"],
        buckets=given["buckets"],
        spool=None if given["spool"] is None else str(given["spool"]),
        spool_bytes=spool_bytes(given["spool_size"]),
        spool_wait=given["spool_wait"],
        aws=aws_settings(),
    )


_SHARES = {"hot": "hot", "duplicate": "duplicates", "late": "late", "malformed": "malformed"}


def _profile(given: dict[str, Any]) -> Profile:
    name, rate, duration = given["profile"], given["rate"], given["duration"]
    if name in NAMES:
        if rate is None or duration is None:
            raise WrongUseError(f"--shape {name}: how much, and how long? Give --rate and --duration")
        made = named(
            name, rate=rate, duration=duration, factor=given["factor"], peak_for=given["peak_for"], every=given["every"]
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


def _as_of(text: str | None, world: World) -> float:
    if text is None:
        # Whole milliseconds, so that the --as-of that is printed is all of it.
        return int(world.clock.now() * 1000) / 1000
    moment = read_time(text)
    if not isinstance(moment, datetime):
        raise WrongUseError(f"--as-of {text}: {moment.detail}")
    return moment.timestamp()


def _summary(load: Snapshot, plan: Plan, prices: Prices, given: dict[str, Any], broken_off: list[int]) -> Summary:
    gates = Gates(
        max_lost=given["max_lost"], p95_ms=given["p95_ms"], p99_ms=given["p99_ms"], min_rate=given["min_rate"]
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
@options
@click.pass_context
def main(context: click.Context, /, **given: Any) -> None:
    """Put a load on the stream: events at a rate that follows a profile, measured as they are due."""
    context.exit(execute(context.find_object(World) or World(), given))


if __name__ == "__main__":
    main()
