"""``replay``: what was on the stream goes through it once more. Also ``python -m producers.commands.replay``."""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import click
import msgspec

from glue.codec import Lateness
from glue.ports import Clock
from glue.prices import Prices, read_prices
from glue.system_clock import SystemClock
from glue.terminal.commands import command
from glue.terminal.errors import IN_USE, STOPPED, UNREACHABLE, InUseError, WrongUseError, exit_codes_help
from glue.terminal.moments import ALLOWED
from glue.terminal.progress import Advance, progress
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from glue.terminal.signals import Stop, stopping
from producers.commands.replay_request import OPTIONS, ReplayRequest
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.limits import SHARD_RECORDS_PER_SECOND
from producers.ports import Stream
from producers.replay.archive_source import Archive, ArchiveSource, object_of
from producers.replay.records import ReplayRecord, ReplaySource, ShardReader, StreamSource
from producers.replay.run import FirstArrivals, NoArrivals, Pace, Replay, Replayer
from producers.replay.run_files import FolderStore, is_alive, this_process
from producers.replay.runs import OtherPlanError, Run, RunTakenError, Store
from producers.replay.selecting import Selection

_RUN_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}", re.ASCII)


class Parts(Protocol):
    """What a replay needs of a stack; made when it is asked for."""

    def archive(self) -> Archive:
        """The archive."""
        ...

    def reader(self) -> ShardReader:
        """The stream, to read from."""
        ...

    def open_shards(self) -> int:
        """How many shards take records."""
        ...

    def stream(self) -> Stream:
        """The stream, to put on."""
        ...

    def arrivals(self) -> FirstArrivals:
        """Who knows when events had first arrived."""
        ...

    def store(self, place: str) -> Store:
        """Where runs are kept, for a place ``s3://BUCKET/PREFIX``."""
        ...


Open = Callable[[Mapping[str, str], Clock], Parts]
"""Parts by the names of a stack's outputs."""


def _open(names: Mapping[str, str], clock: Clock) -> Parts:
    # Imported here: boto3 takes longer to load than --help may.
    from producers.aws.parts import AwsParts

    return AwsParts(names, clock)


@dataclass(frozen=True)
class World:
    """What the command needs from outside. Tests give theirs as click's object.

    Args:
        outputs: the outputs of a stack by its name.
        open: parts by those names.
        clock: time.
    """

    outputs: Callable[[str], Mapping[str, str]] = lambda stack: {}
    open: Open = _open
    clock: Clock = field(default_factory=SystemClock)


EPILOG = """\b
The range is that of arrival on the stream. Every event that is sent again carries the run's id and its own first
arrival, so it is judged as it was then, lands beside its first verdict, and counts once. No notification is sent again
unless --notify is given. With the same policy and code, current_verdicts is the same as before in every column but
verdict_id, run_id, decided_at, the place in the stream, and the flag `replayed`.

\b
Examples:
  streamkeeper replay --since 2026-03-01 --until 2026-03-02 --dry-run
  streamkeeper replay --since 2026-03-01 --until 2026-03-02 --run-id policy-7 --rate 2000
  streamkeeper replay --since 6h --from stream --author a-17 --author a-18
  streamkeeper replay --since 2d --ids appeal.txt --speed 10x

A run that was stopped, by Ctrl-C or by a crash, goes on with the same command and its --run-id. One that has finished
is sent again under the same verdict ids.

""" + exit_codes_help(
    done="all sent",
    failed="something failed or the stream stopped taking records",
    also=(UNREACHABLE, IN_USE),
    stopped="to go on, give --run-id",
)


def execute(world: World, request: ReplayRequest) -> int:
    """Replays as the options say, prints the account, and gives the exit code.

    Raises:
        CommandError: what could not be done, and what to do next.
    """
    clock = world.clock
    now = clock.now()
    prices = _prices(request.prices)
    run_id = request.run_id or f"replay-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    if _RUN_ID.fullmatch(run_id) is None:
        raise WrongUseError(f"--run-id {run_id}; allowed: 1 to 128 of A-Z a-z 0-9 . _ : @ -")
    plan = _plan(request)
    selection = _selection(request, now)
    names = _names(world, request)
    lateness = request.limits.lateness(names)
    parts = world.open(names, clock)
    if request.dry_run:
        replayer = _replaying(request, parts, selection, lateness, now, run_id, clock, Pace())
        return _count(replayer, request, prices, run_id)
    pace = _pace(request, parts)
    store = parts.store(request.state) if request.state.startswith("s3://") else FolderStore(Path(request.state))
    stop = Stop()
    # From here on a signal must leave the run in order, so that it can be taken up at once.
    with stopping(stop):
        try:
            run = Run.take(store, run_id=run_id, plan=plan, holder=this_process(), is_alive=is_alive, now=now)
            # What "2d ago" meant when the run was begun is what it means for ever.
            began = run.state.started_at
            replayer = _replaying(request, parts, _selection(request, began), lateness, began, run_id, clock, pace)
            delivery = open_delivery(parts.stream(), clock=clock, settings=DeliverySettings(keep_ids=False))
            stop.abandon = delivery.abandon
            with progress("replaying", _pieces(replayer), unit="objects") as advance:
                done = replayer.send(delivery, run, is_stopped=stop, progress=_on_record(advance))
        except RunTakenError as error:
            raise InUseError(str(error)) from None
        except KeyboardInterrupt:
            # While Athena was asked; the run has been left in order.
            click.echo(f"Stopped; to go on: the same command with --run-id {run_id}", err=True)
            return STOPPED
        except OtherPlanError as error:
            raise WrongUseError(
                f"run {run_id} was begun with other options: {', '.join(error.names)}. Give the same ones to go on, or "
                "another --run-id"
            ) from None
    return _closed(done, run, request)


def _closed(done: Replay, run: Run, request: ReplayRequest) -> int:
    if request.as_json:
        click.echo(msgspec.json.encode(done))
    else:
        for line in _summary_lines(done, was_resumed=run.is_resumed, notify=request.notify):
            click.echo(inert(line))
    if done.is_interrupted:
        return STOPPED
    if done.is_refused:
        return UNREACHABLE
    return 0 if done.is_finished else 1


def _count(replayer: Replayer, request: ReplayRequest, prices: Prices, run_id: str) -> int:
    stop = Stop()
    with stopping(stop), progress("counting", _pieces(replayer), unit="objects") as advance:
        done = replayer.count(is_stopped=stop, progress=_on_record(advance))
    estimate, dollars = replayer.estimate, replayer.estimate.dollars(prices)
    if request.as_json:
        cost = {"put_units": estimate.put_units, "usd": dollars}
        click.echo(
            msgspec.json.encode(
                {
                    **msgspec.to_builtins(done),
                    "cost": cost,
                    "prices_as_of": prices.as_of,
                    "dry_run": True,
                    "is_partial": done.is_interrupted,
                }
            )
        )
        return STOPPED if done.is_interrupted else 0
    if done.is_interrupted:
        click.echo("partial: stopped before everything was read; what follows is a part, and the whole is more")
    so_far = " so far" if done.is_interrupted else ""
    click.echo(
        f"{done.sent:,} of {done.read:,} records read{so_far} would be sent: {done.bytes / 1e6:,.1f} MB; "
        "nothing was (--dry-run)"
    )
    for line in _left_out(done):
        click.echo(inert(line))
    for day, events in done.days.items():
        click.echo(f"  {day}  {events:>12,}")
    about = "at least" if done.is_interrupted else "about"
    click.echo(
        f"{about} ${dollars:,.2f} for the stream, by prices of {prices.as_of}; consumers and rows cost "
        "what they cost for any event"
    )
    return STOPPED if done.is_interrupted else 0


def _pieces(replayer: Replayer) -> int | None:
    """How many objects there are; None when nobody knows."""
    size = replayer.size()
    return None if size is None else size[0]


def _on_record(advance: Advance) -> Callable[[Replay, ReplayRecord], None]:
    seen: set[str] = set()

    def report(account: Replay, record: ReplayRecord) -> None:
        if account.read % 256 == 0:
            if (key := object_of(record.place)) is not None:
                seen.add(key)
            advance(max(0, len(seen) - 1), f"{account.read:,} records")

    return report


def _summary_lines(done: Replay, *, was_resumed: bool, notify: bool) -> Iterator[str]:
    """The account in words."""
    pace = f"{done.sent / done.seconds:,.0f}/s" if done.seconds > 0 else "at once"
    if was_resumed:
        yield f"run {done.run_id} taken up again: {done.before:,} had been sent before"
    yield f"{done.read:,} records read, {done.sent:,} events sent as run {done.run_id} in {done.seconds:.1f} s, {pace}"
    yield from _left_out(done)
    if done.throttled:
        yield f"{done.throttled:,} throttled and sent again"
    yield "notices of verdicts are sent again" if notify else "no notices are sent again"
    if done.failed:
        yield f"{done.failed:,} failed"
    if done.stopped is not None:
        yield f"stopped: {done.stopped}"
    if not done.is_finished:
        yield f"not finished; to go on: the same command with --run-id {done.run_id}"


def _left_out(done: Replay) -> Iterator[str]:
    refused = sum(done.refused.values())
    if refused:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in done.refused.items())
        yield f"{refused:,} lines are not events ({reasons}): they are in quarantine; see `redrive quarantine`"
    for count, words in (
        (done.not_selected, "not selected"),
        (done.outside, "arrived outside the range"),
        (done.own, "were put there by this very run"),
        (done.repeated, "copies of an event sent already"),
        (done.too_old, "arrived over 400 days ago, which the consumer refuses"),
    ):
        if count:
            yield f"{count:,} {words}"
    if done.estimated:
        yield f"{done.estimated:,} without a verdict yet: their first arrival is known to within their archive object"
    if done.ambiguous:
        yield f"{done.ambiguous:,} with uncertain bounds in the archive; --from stream reads them exactly"


def _replaying(
    request: ReplayRequest,
    parts: Parts,
    selection: Selection,
    lateness: Lateness,
    started_at: float,
    run_id: str,
    clock: Clock,
    pace: Pace,
) -> Replayer:
    limits = {"since": selection.since, "until": selection.until}
    source: ReplaySource
    if request.from_ == "archive":
        source = ArchiveSource(parts.archive(), **limits, written_before=started_at, lateness=lateness)
    else:
        source = StreamSource(parts.reader(), **limits, lateness=lateness, clock=clock)
    return Replayer(
        source,
        selection=selection,
        arrivals=parts.arrivals() if request.lookup else NoArrivals(),
        lateness=lateness,
        clock=clock,
        run_id=run_id,
        notify=request.notify,
        pace=pace,
    )


def _selection(request: ReplayRequest, now: float) -> Selection:
    since = request.since.at(now).timestamp()
    until = now if request.until is None else min(now, request.until.at(now).timestamp())
    if since >= until:
        raise WrongUseError(f"--since {request.since.text} is not before the end of the range; allowed: {ALLOWED}")
    created = (request.created_since, request.created_until)
    created_since, created_until = (None if one is None else one.at(now) for one in created)
    return Selection(
        since=since,
        until=until,
        created_since=created_since,
        created_until=created_until,
        authors=frozenset(request.authors),
        surfaces=frozenset(request.surfaces),
        event_ids=_ids(request.ids),
    )


def _ids(path: Path | None) -> frozenset[str]:
    if path is None:
        return frozenset()
    try:
        ids = frozenset(line.strip() for line in path.read_text("utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUseError(
            f"--ids {path}: {type(error).__name__}; allowed: a text file with one event id a line"
        ) from None
    if not ids:
        raise WrongUseError(f"--ids {path} names no event; allowed: one event id a line")
    return ids


def _plan(request: ReplayRequest) -> dict[str, str]:
    """What makes a run the same run: what is read and which of it, not how fast."""
    ids = request.ids
    plan = {
        "since": request.since.text,
        "until": "now" if request.until is None else request.until.text,
        "from": request.from_,
        "author": ",".join(sorted(request.authors)),
        "surface": ",".join(sorted(request.surfaces)),
        "ids": hashlib.sha256(ids.read_bytes()).hexdigest() if ids is not None else "",
        "created-since": "" if request.created_since is None else request.created_since.text,
        "created-until": "" if request.created_until is None else request.created_until.text,
        "notify": str(request.notify),
    }
    return {name: value for name, value in plan.items() if value}


def _pace(request: ReplayRequest, parts: Parts) -> Pace:
    speed = None
    if request.speed is not None:
        speed = _number("--speed", request.speed.removesuffix("x"), "a number above 0, such as 10x")
    if request.rate == "max":
        return Pace(None, speed)
    if request.rate is not None:
        return Pace(_number("--rate", request.rate, "a number above 0, or max"), speed)
    # Live traffic needs the other half.
    return Pace(parts.open_shards() * SHARD_RECORDS_PER_SECOND / 2, speed)


def _number(option: str, text: str, allowed: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise WrongUseError(f"{option} {text}; allowed: {allowed}")
    return value


def _prices(path: Path | None) -> Prices:
    try:
        return read_prices(path)
    except ValueError as error:
        raise WrongUseError(f"--prices {error}") from None


def _names(world: World, request: ReplayRequest) -> dict[str, str]:
    said = request.names
    wanted = {"ContentStreamName": said.stream}
    if request.from_ == "archive":
        wanted["LakeBucketName"] = said.lake
    if request.lookup:
        wanted |= {"DatabaseName": said.database, "WorkGroupName": said.workgroup}
    return said.found(wanted, world.outputs, command="replay")


@command(epilog=EPILOG)
@takes(ReplayRequest, *OPTIONS)
def main(context: click.Context, request: ReplayRequest) -> None:
    """Send again what was on the stream, from the archive or the stream itself: no duplicates, no notifications."""
    context.exit(execute(context.find_object(World) or World(), request))


if __name__ == "__main__":
    main()
