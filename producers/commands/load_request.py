"""What ``load`` is asked for."""

from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from glue.aws.options import AWS_OPTIONS
from glue.terminal.moment_option import MOMENT, MOMENT_HELP, Moment
from glue.terminal.requests import Option
from producers.commands.produce_request import AGGREGATION
from producers.commands.spool_options import SPOOLING
from producers.commands.stack_options import STACK_OPTION, STREAM_OPTION
from producers.load.profiles import NAMES

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class GateOptions(Struct, frozen=True):
    """Limits that end the command with a code of their own; None sets none."""

    max_lost: int | None
    p95_ms: float | None
    p99_ms: float | None
    min_rate: float | None


class LoadRequest(Struct, frozen=True):
    """What was asked for."""

    shape: str
    rate: float | None
    duration: float | None
    factor: float
    peak_for: float | None
    every: float | None
    content: str
    maps: tuple[str, ...]
    sets: tuple[str, ...]
    defaults: tuple[str, ...]
    seed: int
    as_of: Moment | None
    hot: float
    duplicates: float | None
    late: float | None
    malformed: float | None
    processes: int
    in_flight: int
    pace: bool
    aggregate: bool
    buckets: int
    spool: Path | None
    spool_size: str
    spool_wait: float
    prices: Path | None
    gates: GateOptions
    stream: str | None
    stack: str
    as_json: bool


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

OPTIONS: tuple[Option, ...] = (
    click.option(
        "--shape",
        default="steady",
        show_default=True,
        metavar="NAME|FILE",
        help=f"How the rate moves: {', '.join(NAMES)}, or a file of points.",
    ),
    click.option("--rate", type=_ABOVE_ZERO, help="Events a second."),
    click.option("--duration", type=Seconds(), help="How long: 30s, 5m, 1h."),
    click.option(
        "--factor",
        type=_ABOVE_ZERO,
        default=10.0,
        show_default=True,
        help="How many times the rate a burst or spike reaches.",
    ),
    click.option("--peak-for", type=Seconds(), help="How long a burst or spike lasts."),
    click.option("--every", type=Seconds(), help="Time from the start of one burst to the start of the next."),
    click.option("--content", default="synthetic", show_default=True, metavar="synthetic|FILE", help="What is sent."),
    click.option(
        "--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Which column of the content file is which field."
    ),
    click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same value on every event."),
    click.option("--default", "defaults", multiple=True, metavar="FIELD=VALUE", help="The value where a row has none."),
    click.option("--seed", default=1, show_default=True, help="Another seed makes other content."),
    click.option("--as-of", type=MOMENT, help=f"When the first event is created: {MOMENT_HELP}; else now."),
    click.option("--hot", type=_SHARE, default=0.0, help="Share of events under one partition key."),
    click.option("--duplicates", type=_SHARE, help="Share that repeats an earlier event. [default: 0.004]"),
    click.option("--late", type=_SHARE, help="Share that is a day late or more. [default: 0.006]"),
    click.option("--malformed", type=_SHARE, help="Share that is broken on purpose. [default: 0.002]"),
    click.option(
        "--processes", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that share the load."
    ),
    click.option(
        "--in-flight",
        default=4,
        show_default=True,
        type=click.IntRange(1, 64),
        help="PutRecords calls at a time in each process.",
    ),
    click.option(
        "--pace/--no-pace",
        default=True,
        help="Keep to the rate each shard takes (default), or send at once and resend what is throttled.",
    ),
    *AGGREGATION,
    *SPOOLING,
    click.option(
        "--prices",
        type=click.Path(path_type=Path),
        help="Another table of prices; copy glue/prices.toml.",
    ),
    click.option("--max-lost", type=click.IntRange(min=0), help="Gate: the most events that may be lost."),
    click.option("--p95-ms", type=_ABOVE_ZERO, help="Gate: milliseconds from due to accepted, 95th percentile."),
    click.option("--p99-ms", type=_ABOVE_ZERO, help="Gate: the same, 99th percentile."),
    click.option("--min-rate", type=_ABOVE_ZERO, help="Gate: the lowest overall rate of accepted events a second."),
    STREAM_OPTION,
    STACK_OPTION,
    *AWS_OPTIONS,
    click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object."),
)
