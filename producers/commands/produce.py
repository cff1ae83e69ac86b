"""``produce``: content onto the stream. Also ``python -m producers.commands.produce --stream NAME``."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec

from glue.ports import Clock
from glue.readers.rows import SourceError
from glue.system_clock import SystemClock
from glue.terminal.commands import command
from glue.terminal.errors import (
    DONE,
    FAILED,
    IN_USE,
    STOPPED,
    UNREACHABLE,
    UnreachableError,
    WrongUseError,
    exit_codes_help,
)
from glue.terminal.moment_option import Moment
from glue.terminal.progress import progress
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from glue.terminal.signals import Stop, stopping
from producers.commands.account import Account, iso
from producers.commands.advice import has_no_content
from producers.commands.inputs import dataset_of
from producers.commands.produce_request import OPTIONS, ProduceRequest
from producers.commands.production import Item, Rejects, free_path, produce
from producers.commands.spool_options import opened_spool
from producers.delivery.aggregated import AggregatedDelivery
from producers.delivery.aggregating import Packer
from producers.delivery.batching import firehose_batcher
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import Delivery, open_delivery
from producers.mapping.datasets import Dataset
from producers.mapping.fields import FIELDS, Notes
from producers.ports import OutRecord, Stream, StreamRefusedError
from producers.spool.spool import Spool
from producers.synthetic.content import Shares, synthetic

_LINGER = 0.2


def _connect(name: str, in_flight: int) -> Stream:
    # Imported here: boto3 takes longer to load than --help may.
    from producers.aws.kinesis import KinesisStream

    return KinesisStream(name, in_flight=in_flight)


def _connect_deferred(name: str, in_flight: int) -> Stream:
    from producers.aws.firehose import FirehoseStream

    return FirehoseStream(name, in_flight=in_flight)


def _connect_api(url: str, key: str | None, in_flight: int, clock: Clock) -> Stream:
    from producers.api.exchange import HttpExchange
    from producers.api.stream import ApiStream

    headers = {"x-api-key": key} if key else {}
    try:
        # Asked once: delivery sends again what was not taken.
        exchange = HttpExchange(url, headers=headers, clock=clock, attempts=1, connections=in_flight)
    except ValueError as error:
        raise WrongUseError(f"--api: {error}") from None
    return ApiStream(url, exchange)


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
    connect_api: Callable[[str, str | None, int, Clock], Stream] = _connect_api
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
  streamkeeper produce --from posts.csv --map text=body --map author_id=user --api https://ID.execute-api.REGION.amazonaws.com/live
  streamkeeper produce --from - --map text=message --default author_id=unknown --spool /var/spool/streamkeeper

""" + exit_codes_help(
    done="all accepted",
    failed="something was rejected or failed, or the source broke off",
    also=(UNREACHABLE, IN_USE),
    stopped="what was read is still sent, and accounted for",
)


def execute(world: World, request: ProduceRequest) -> int:
    """Produces what is asked for, prints the account, and gives the exit code.

    Raises:
        CommandError: nothing was sent, and why.
    """
    if (request.from_ is None) == (request.made_up is None):
        raise WrongUseError(
            "what to produce? Give --from FILE (or a folder, a prefix, -), or --synthetic N; one of them"
        )
    if request.spool is not None and request.deferred:
        raise WrongUseError("--spool keeps events for a Kinesis stream; leave it out with --deferred")
    if request.api is not None and (request.deferred or request.aggregate or request.stream is not None):
        raise WrongUseError("--api is a way of its own; leave out --stream, --deferred and --aggregate, or --api")
    now = _now(request.as_of, world.clock)
    spool_folder = None if request.dry_run else request.spool
    try:
        with _items(request, now) as (name, items), opened_spool(spool_folder, request.spool_size) as spool:
            rejects = Rejects(_rejects_path(request, name))
            stream = None if request.dry_run else _stream(world, request)
            delivery = None if stream is None else _delivery(stream, world, request, spool)
            stop = Stop()
            with stopping(stop), progress("producing", request.made_up, unit="rows") as advance:
                done = produce(
                    items,
                    delivery,
                    clock=world.clock,
                    rejects=rejects,
                    rate=request.rate,
                    limit=request.limit,
                    progress=advance,
                    stop=stop,
                )
    except SourceError as error:
        raise WrongUseError(str(error)) from None
    except StreamRefusedError as error:
        raise UnreachableError(str(error)) from None
    account = Account(
        done=done,
        name=name,
        dataset=items if isinstance(items, Dataset) else None,
        preset=request.preset,
        rejects=str(rejects.path) if rejects.count else None,
        spool=request.spool,
        is_dry=request.dry_run,
        as_of=now,
    )
    _print(account, as_json=request.as_json)
    is_damaged = spool is not None and bool(spool.opened.corrupt)
    return _exit_code(account, allow_rejects=request.allow_rejects, is_damaged=is_damaged)


def _print(account: Account, *, as_json: bool) -> None:
    if not as_json:
        for line in account.lines():
            click.echo(inert(line))
        return
    done: dict[str, object] = msgspec.to_builtins(account.done)
    del done["first_rejected"], done["passed_by"]
    notes = account.dataset.notes if account.dataset is not None else Notes()
    done |= {"cut_times": notes.cut_times, "other_surfaces": notes.other_surfaces, "untimed": notes.untimed}
    done |= {"hints": account.hints()}
    click.echo(msgspec.json.encode({**done, "rejects_file": account.rejects, "as_of": iso(account.as_of)}))


def _exit_code(account: Account, *, allow_rejects: bool, is_damaged: bool) -> int:
    done = account.done
    if done.is_interrupted:
        return STOPPED
    if done.stopped is not None:
        return UNREACHABLE
    rejected = done.rejected and not allow_rejects
    broken = done.failed or done.source_error or done.disk_error or is_damaged
    return FAILED if broken or rejected or has_no_content(done) else DONE


def _delivery(stream: Stream, world: World, request: ProduceRequest, spool: Spool | None) -> Delivery:
    """Delivery to this stream, of aggregates when ``--aggregate`` is given, through the spool if there is one."""
    settings = DeliverySettings(
        in_flight=request.in_flight,
        linger=_LINGER if request.from_ == "-" or request.rate is not None else None,
        keep_ids=False,
        durable_put=False,
    )
    if spool is not None:
        settings = msgspec.structs.replace(settings, max_seconds=request.spool_wait)
    if request.deferred:
        return open_delivery(stream, clock=world.clock, settings=settings, batcher=firehose_batcher())
    if not request.aggregate:
        return open_delivery(stream, clock=world.clock, settings=settings, spool=spool)
    try:
        packer = Packer(buckets=request.buckets)
    except ValueError as error:
        raise WrongUseError(f"--buckets: {error}") from None
    troubles = world.aggregate_troubles(getattr(stream, "name", ""))
    if troubles:
        raise WrongUseError(f"--aggregate: {'; '.join(troubles)}. Change the mapping, or leave --aggregate out")
    delivery = open_delivery(stream, clock=world.clock, settings=settings, spool=spool)
    return AggregatedDelivery(delivery, packer, clock=world.clock)


@contextmanager
def _items(request: ProduceRequest, now: float) -> Iterator[tuple[str, Dataset | Iterator[Item]]]:
    if request.made_up is not None:
        shares = Shares() if request.malformed is None else Shares(malformed=request.malformed)
        made = synthetic(request.made_up, now=now, seed=request.seed, shares=shares)
        yield (
            "synthetic",
            (
                OutRecord(one.event_id or f"{one.kind}-{place}", one.partition_key, one.payload)
                for place, one in enumerate(made)
            ),
        )
        return
    try:
        name, dataset, source = dataset_of(request, now=now)
    except SourceError:
        raise
    except ValueError as error:
        raise WrongUseError(str(error)) from None
    with closing(source):
        yield name, dataset


def _now(as_of: Moment | None, clock: Clock) -> float:
    # Whole milliseconds, so that the --as-of that is printed is all of it.
    return int(clock.now() * 1000) / 1000 if as_of is None else as_of.at(clock.now()).timestamp()


def _rejects_path(request: ProduceRequest, name: str) -> Path:
    path = request.rejects or free_path(name, Path())
    if not path.absolute().parent.is_dir():
        raise WrongUseError(f"--rejects {path}: there is no folder {path.parent}; make it first")
    if request.from_ not in (None, "-") and path.exists() and _same(path, request.from_ or ""):
        raise WrongUseError(f"--rejects {path} is the file that is read; give another one")
    return path


def _stream(world: World, request: ProduceRequest) -> Stream:
    if request.deferred:
        if request.aggregate:
            raise WrongUseError("--aggregate is for Kinesis; leave it out with --deferred, where an event is a record")
        name = request.delivery_stream or world.deferred_of(request.stack)
        return world.connect_deferred(name, request.in_flight)
    if request.api is not None:
        return world.connect_api(request.api, request.api_key, request.in_flight, world.clock)
    return world.connect(request.stream or world.stream_of(request.stack), request.in_flight)


def _same(path: Path, other: str) -> bool:
    return Path(other).exists() and path.samefile(other)


@command(epilog=EPILOG)
@takes(ProduceRequest, *OPTIONS)
def main(context: click.Context, request: ProduceRequest) -> None:
    """Put content on the stream: from a file or standard input, or made up."""
    context.exit(execute(context.find_object(World) or World(), request))


if __name__ == "__main__":
    main()
