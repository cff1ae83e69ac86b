"""``produce``: content onto the stream. Also ``python -m producers.commands.produce --stream NAME``."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import click
import msgspec

from glue.aws.options import AWS_OPTIONS
from glue.codec import wire_timestamp
from glue.readers.rows import SourceError
from glue.readers.sources import FORMATS
from glue.terminal.commands import command
from glue.terminal.errors import (
    IN_USE,
    STOPPED,
    UNREACHABLE,
    UnreachableError,
    WrongUseError,
    exit_codes_help,
)
from glue.terminal.progress import progress
from glue.terminal.sanitize import inert
from glue.terminal.signals import Stop, stopping
from glue.terminal.times import read_time
from producers.clock import SystemClock
from producers.commands.inputs import dataset_of
from producers.commands.production import Production, Rejects, free_path, produce
from producers.commands.spool_options import SPOOLING, opened_spool
from producers.delivery.aggregated import AggregatedDelivery
from producers.delivery.aggregating import DEFAULT_BUCKETS, MAX_BUCKETS, Packer
from producers.delivery.batching import firehose_batcher
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import Delivery, open_delivery
from producers.mapping.datasets import Dataset
from producers.mapping.fields import FIELDS
from producers.ports import Clock, OutRecord, Stream, StreamRefusedError
from producers.presets import describe, preset_names
from producers.spool.spool import Spool
from producers.synthetic.content import Shares, synthetic

_LINGER = 0.2

Command = TypeVar("Command", bound=Callable[..., Any])


def _connect(name: str, in_flight: int) -> Stream:
    # Imported here: boto3 takes longer to load than --help may.
    from producers.aws.kinesis import KinesisStream

    return KinesisStream(name, in_flight=in_flight)


def _connect_deferred(name: str, in_flight: int) -> Stream:
    from producers.aws.firehose import FirehoseStream

    return FirehoseStream(name, in_flight=in_flight)


def _aggregate_troubles(name: str) -> list[str]:
    from producers.aws.mappings import aggregate_troubles

    return aggregate_troubles(name)


def _no_stack(stack: str) -> str:
    raise WrongUseError(f"which stream of stack {stack}? Give --stream, or use `streamkeeper produce`")


def _no_deferred_stack(stack: str) -> str:
    raise WrongUseError(f"which stream of stack {stack}? Give --delivery-stream, or use `streamkeeper produce`")


@dataclass(frozen=True)
class World:
    """What the command needs from outside: streams, stack outputs, a clock. Tests give theirs as click's object."""

    stream_of: Callable[[str], str] = _no_stack
    connect: Callable[[str, int], Stream] = _connect
    deferred_of: Callable[[str], str] = _no_deferred_stack
    connect_deferred: Callable[[str, int], Stream] = _connect_deferred
    aggregate_troubles: Callable[[str], list[str]] = _aggregate_troubles
    clock: Clock = field(default_factory=SystemClock)


EPILOG = f"""\b
Fields: {", ".join(FIELDS[:7])},
  {", ".join(FIELDS[7:])}, context.<key>. Columns named like a field are that field;
  a column may be a path into nested values (user.name, langs.0) or be made of several
  ({{wiki}}:{{id}}); an empty one turns a field off.
  Columns that are no field are kept with the event. Rows without created_at get now.

\b
Examples:
  streamkeeper produce --from posts.csv --map text=body --map author_id=user --set surface=forum
  streamkeeper produce --from chat.jsonl.gz --map created_at=ts --map author_id=user --shift-time
  tail -f app.log.jsonl | streamkeeper produce --from - --map text=message --default author_id=unknown
  streamkeeper produce --from logs/ --pattern '*.log' --preset irc --shift-time
  streamkeeper produce --from s3://bucket/2026/ --preset reddit --deferred
  streamkeeper produce --synthetic 100000 --seed 7
  streamkeeper produce --from - --map text=message --default author_id=unknown --spool /var/spool/streamkeeper

""" + exit_codes_help(
    done="all accepted",
    failed="something was rejected or failed, or the source broke off",
    also=(UNREACHABLE, IN_USE),
    stopped="what was read is still sent, and accounted for",
)


def _list_presets(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(describe())
        context.exit()


AGGREGATION: tuple[Callable[[Any], Any], ...] = (
    click.option("--aggregate", is_flag=True, help="Many events in one Kinesis record (KPL format): cheaper, later."),
    click.option(
        "--buckets",
        type=click.IntRange(1, MAX_BUCKETS),
        default=DEFAULT_BUCKETS,
        show_default=True,
        help="With --aggregate: into how many partition keys events are collected, a power of two; 8 a shard or more.",
    ),
)

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--from",
        "from_",
        metavar="FILE|FOLDER|s3://BUCKET/PREFIX|-",
        help="JSON lines, CSV, TSV, Parquet or a chat log, also gzip; of a folder or prefix every file; - is stdin.",
    ),
    click.option("--pattern", metavar="GLOB", help="Which files of a folder or prefix, such as '*.jsonl.gz'."),
    click.option("--preset", type=click.Choice(preset_names()), help="What the columns of a public stream mean."),
    click.option(
        "--list-presets", is_flag=True, is_eager=True, expose_value=False, callback=_list_presets, help="Tell of each."
    ),
    click.option("--format", "form", type=click.Choice(FORMATS), help="When the name does not say it."),
    click.option("--map", "maps", multiple=True, metavar="FIELD=COLUMN", help="Which column is which field."),
    click.option("--set", "sets", multiple=True, metavar="FIELD=VALUE", help="The same value on every event."),
    click.option("--default", "defaults", multiple=True, metavar="FIELD=VALUE", help="Where a row has none."),
    click.option(
        "--shift-time",
        is_flag=True,
        help="Move times so that the last one is now (squeezed in proportion if they span over 29 days); the original "
        "stays as source_created_at. Reads a file twice; stdin goes through a temporary file.",
    ),
    click.option("--time-unit", type=click.Choice(["s", "ms", "us", "ns"]), help="What numbers in created_at count."),
    click.option("--assume-utc", is_flag=True, help="Take times without a zone as UTC."),
    click.option("--as-of", metavar="TIME", help="What now means, RFC 3339; the same one makes the same events again."),
    click.option("--source", metavar="NAME", help="Name of the data in the ids that are made; else the file's name."),
    click.option("--keep-author", is_flag=True, help="Keep an author id that was hashed, as source_author_id."),
    click.option(
        "--pseudonym-key",
        envvar="STREAMKEEPER_PSEUDONYM_KEY",
        help="Secret that author hashes depend on; better given as STREAMKEEPER_PSEUDONYM_KEY.",
    ),
    click.option(
        "--rejects",
        type=click.Path(dir_okay=False, path_type=Path),
        help="File for rows that are no events and ids that were not taken; else NAME.rejects.jsonl here.",
    ),
    click.option("--allow-rejects", is_flag=True, help="Rejected rows alone do not make the exit code 1."),
    click.option("--synthetic", "made_up", metavar="N", type=click.IntRange(min=0), help="N made-up records instead."),
    click.option("--seed", default=1, show_default=True, help="Another seed makes other content."),
    click.option(
        "--malformed", type=click.FloatRange(0, 0.5), help="Share of made-up records that are broken on purpose."
    ),
    click.option("--limit", type=click.IntRange(min=0), help="No more than so many rows."),
    click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="No more than so many a second."),
    click.option(
        "--in-flight", default=4, show_default=True, type=click.IntRange(1, 64), help="PutRecords calls at a time."
    ),
    *AGGREGATION,
    *SPOOLING,
    click.option("--dry-run", is_flag=True, help="Read and check everything, send nothing."),
    click.option("--stream", envvar="STREAMKEEPER_STREAM", help="The stream's name; else the stack's."),
    click.option("--stack", default="streamkeeper", show_default=True, envvar="STREAMKEEPER_STACK"),
    *AWS_OPTIONS,
    click.option(
        "--deferred",
        is_flag=True,
        help="Straight to Firehose, without the stream: moderated and landed minutes later, in no order, for less.",
    ),
    click.option(
        "--delivery-stream",
        envvar="STREAMKEEPER_DELIVERY_STREAM",
        help="With --deferred: the delivery stream's name; else the stack's.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object."),
)


def options(command: Command) -> Command:
    """The command with the options of ``produce``; :func:`execute` takes their values."""
    dressed: Any = command
    for option in reversed(_OPTIONS):
        dressed = option(dressed)
    return cast(Command, dressed)


def execute(world: World, given: dict[str, Any]) -> int:
    """Produces as the options say, prints the account, and gives the exit code.

    Raises:
        CommandError: nothing was sent, and why.
    """
    if (given["from_"] is None) == (given["made_up"] is None):
        raise WrongUseError(
            "what to produce? Give --from FILE (or a folder, a prefix, -), or --synthetic N; one of them"
        )
    now = _now(given["as_of"], world.clock)
    settings = DeliverySettings(
        in_flight=given["in_flight"],
        linger=_LINGER if given["from_"] == "-" or given["rate"] is not None else None,
        keep_ids=False,
        durable_put=False,
    )
    if given["spool"] is not None:
        if given["deferred"]:
            raise WrongUseError("--spool keeps events for a Kinesis stream; leave it out with --deferred")
        settings = msgspec.structs.replace(settings, max_seconds=given["spool_wait"])
    unspooled = {**given, "spool": None} if given["dry_run"] else given
    try:
        with _items(given, now) as (name, items), opened_spool(unspooled) as spool:
            rejects = Rejects(_rejects_path(given, name))
            stream = None if given["dry_run"] else _stream(world, given)
            delivery = None if stream is None else delivery_to(stream, world, given, settings, spool=spool)
            stop = Stop()
            with stopping(stop), progress("producing", given["made_up"], unit="events") as advance:
                done = produce(
                    items,
                    delivery,
                    clock=world.clock,
                    rejects=rejects,
                    rate=given["rate"],
                    limit=given["limit"],
                    progress=advance,
                    stop=stop,
                )
    except SourceError as error:
        raise WrongUseError(str(error)) from None
    except StreamRefusedError as error:
        raise UnreachableError(str(error)) from None
    where = str(rejects.path) if rejects.count else None
    passed_over = items.passed_over if isinstance(items, Dataset) else 0
    if given["as_json"]:
        account = {name: value for name, value in msgspec.to_builtins(done).items() if name != "first_rejected"}
        click.echo(
            msgspec.json.encode({**account, "passed_over": passed_over, "rejects_file": where, "as_of": _iso(now)})
        )
    else:
        for line in _told(done, name, items, where, spool=given["spool"], dry=given["dry_run"], as_of=now):
            click.echo(inert(line))
    if done.is_interrupted:
        return STOPPED
    if done.stopped is not None:
        return UNREACHABLE
    is_damaged = spool is not None and bool(spool.opened.corrupt)
    return int(bool(done.failed or done.source_error or is_damaged or (done.rejected and not given["allow_rejects"])))


def delivery_to(
    stream: Stream, world: World, given: dict[str, Any], settings: DeliverySettings, *, spool: Spool | None = None
) -> Delivery:
    """Delivery to this stream, of aggregates when ``--aggregate`` is given, through the spool if there is one.

    Raises:
        WrongUseError: what reads the stream cannot read aggregates, or ``--buckets`` is no power of two.
    """
    if given["deferred"]:
        return open_delivery(stream, clock=world.clock, settings=settings, batcher=firehose_batcher())
    if not given["aggregate"]:
        return open_delivery(stream, clock=world.clock, settings=settings, spool=spool)
    try:
        packer = Packer(buckets=given["buckets"])
    except ValueError as error:
        raise WrongUseError(f"--buckets: {error}") from None
    troubles = world.aggregate_troubles(getattr(stream, "name", ""))
    if troubles:
        raise WrongUseError(f"--aggregate: {'; '.join(troubles)}. Change the mapping, or leave --aggregate out")
    delivery = open_delivery(stream, clock=world.clock, settings=settings, spool=spool)
    return AggregatedDelivery(delivery, packer, clock=world.clock)


@contextmanager
def _items(given: dict[str, Any], now: float) -> Iterator[tuple[str, "Dataset | Iterator[OutRecord]"]]:
    if given["made_up"] is not None:
        shares = Shares() if given["malformed"] is None else Shares(malformed=given["malformed"])
        made = synthetic(given["made_up"], now=now, seed=given["seed"], shares=shares)
        yield (
            "synthetic",
            (
                OutRecord(one.event_id or f"{one.kind}-{place}", one.partition_key, one.payload)
                for place, one in enumerate(made)
            ),
        )
        return
    try:
        name, dataset, source = dataset_of(given, now=now)
    except SourceError:
        raise
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    with closing(source):
        yield name, dataset


def _now(as_of: str | None, clock: Clock) -> float:
    if as_of is None:
        # Whole milliseconds, so that the --as-of that is printed is all of it.
        return int(clock.now() * 1000) / 1000
    moment = read_time(as_of)
    if not isinstance(moment, datetime):
        raise WrongUseError(f"--as-of {as_of}: {moment.detail}")
    return moment.timestamp()


def _rejects_path(given: dict[str, Any], name: str) -> Path:
    path: Path = given["rejects"] or free_path(name, Path())
    if not path.absolute().parent.is_dir():
        raise WrongUseError(f"--rejects {path}: there is no folder {path.parent}; make it first")
    if given["from_"] not in (None, "-") and path.exists() and _same(path, given["from_"]):
        raise WrongUseError(f"--rejects {path} is the file that is read; give another one")
    return path


def _stream(world: World, given: dict[str, Any]) -> Stream:
    if given["deferred"]:
        if given["aggregate"]:
            raise WrongUseError("--aggregate is for Kinesis; leave it out with --deferred, where an event is a record")
        return world.connect_deferred(given["delivery_stream"] or world.deferred_of(given["stack"]), given["in_flight"])
    name = given["stream"] or world.stream_of(given["stack"])
    return world.connect(name, given["in_flight"])


def _same(path: Path, other: str) -> bool:
    return Path(other).exists() and path.samefile(other)


def _told(
    done: Production, name: str, items: object, rejects: str | None, *, spool: Path | None, dry: bool, as_of: float
) -> Iterator[str]:
    """The account in words."""
    pace = f"{done.accepted / done.seconds:,.0f}/s" if done.seconds > 0 else "at once"
    yield f"{done.read:,} read from {name} in {done.seconds:.1f} s"
    if dry:
        yield f"{done.accepted:,} would be sent; nothing was (--dry-run)"
    else:
        if spool is not None:
            yield f"{done.accepted:,} accepted into {spool}"
        taken = f"{done.sent:,} sent" if spool is not None else f"{done.accepted:,} accepted by the stream"
        yield (
            f"{taken}: {done.bytes_sent / 1e6:,.1f} MB in {done.calls:,} calls, {pace}; "
            f"{done.throttled:,} throttled and sent again"
        )
        if done.spooled:
            yield f"{done.spooled:,} are still in the spool, safe; to send them: streamkeeper spool flush {spool}"
    if isinstance(items, Dataset) and items.source.left_out:
        yield f"{items.source.left_out:,} files left out: no name says what they hold; say --pattern or --format"
    if isinstance(items, Dataset) and items.passed_over:
        yield f"{items.passed_over:,} rows passed over, which are no content (by --preset)"
    yield f"{done.rejected:,} rejected{_counted(done.reasons)}"
    for line in done.first_rejected:
        yield f"  {line}"
    if isinstance(items, Dataset):
        missing = sorted(reason.removeprefix("missing:") for reason in done.reasons if reason.startswith("missing:"))
        if missing:
            yield (
                f"  columns there: {', '.join(items.columns) or 'none'}; say --map {missing[0]}=COLUMN, "
                f"--set {missing[0]}=VALUE or --default {missing[0]}=VALUE"
            )
        if (shift := items.mapping.shift) is not None:
            squeezed = f", distances divided by {1 / shift.scale:,.0f}" if shift.scale != 1 else ""
            yield f"times moved: {_day(shift.first)} to {_day(shift.last)} now ends {_iso(as_of)}{squeezed}"
    yield f"{done.failed:,} failed{_counted(done.failures)}"
    for step in done.next_steps:
        yield f"  {step}"
    if rejects is not None:
        yield f"what was not accepted is in {rejects}"
    if done.source_error is not None:
        yield f"the source broke off: {done.source_error}"
    if done.stopped is not None:
        yield f"stopped: {done.stopped}"
    if done.is_interrupted:
        yield "stopped by Ctrl-C; all that had been read is accounted for above"
    if (done.failed or done.is_interrupted or done.stopped) and not dry:
        yield f"to send the same events again, under the same ids: the same command with --as-of {_iso(as_of)}"


def _counted(counts: dict[str, int]) -> str:
    return ": " + ", ".join(f"{reason} {count:,}" for reason, count in counts.items()) if counts else ""


def _day(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d")


def _iso(seconds: float) -> str:
    return wire_timestamp(datetime.fromtimestamp(seconds, UTC))


@command(epilog=EPILOG)
@options
@click.pass_context
def main(context: click.Context, /, **given: Any) -> None:
    """Put content on the stream: from a file or standard input, or made up."""
    context.exit(execute(context.find_object(World) or World(), given))


if __name__ == "__main__":
    main()
