"""``redrive``: what was set aside goes back on the stream. Also ``python -m producers.commands.redrive``."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

import click
import msgspec

from glue.ports import Clock
from glue.system_clock import SystemClock
from glue.terminal.commands import examples_help, group
from glue.terminal.errors import STOPPED, UNREACHABLE, WrongUseError, exit_codes_help
from glue.terminal.moments import ALLOWED
from glue.terminal.progress import progress
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from glue.terminal.signals import Stop, stopping
from producers.commands.redrive_request import LETTER_OPTIONS, OPTIONS, LettersRequest, RedriveRequest
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.ports import Stream
from producers.redrive.fixes import UnusableFixError, open_fix
from producers.redrive.items import Item, RedriveSource
from producers.redrive.ledger import Ledger
from producers.redrive.run import Group, Redrive, Redriver, WithVerdict
from producers.replay.run_files import is_alive, this_process
from producers.replay.runs import Store

_RUN_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}", re.ASCII)
_SHOWN = 5


class Parts(Protocol):
    """What a redrive needs of a stack; made when it is asked for."""

    def ledger(self) -> Store:
        """Where it is written down what was brought back."""
        ...

    def stream(self) -> Stream:
        """The stream, to put on."""
        ...

    def quarantine(self, *, since: float, until: float, reasons: frozenset[str]) -> RedriveSource:
        """The records in quarantine."""
        ...

    def dead_letters(self, *, since: float, until: float, reasons: frozenset[str]) -> RedriveSource:
        """The dead letters of the bucket."""
        ...

    def pointed_letters(
        self, queue_url: str | None, texts: Sequence[str], *, since: float, until: float, reasons: frozenset[str]
    ) -> RedriveSource:
        """The dead letters that a queue, or these texts, tell of."""
        ...

    def with_verdict(self) -> WithVerdict:
        """Who knows which events have a verdict."""
        ...


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
        mask: shows a payload without personal data; None: samples are not shown.
    """

    outputs: Callable[[str], Mapping[str, str]] = lambda stack: {}
    open: Callable[[Mapping[str, str], Clock], Parts] = _open
    clock: Clock = field(default_factory=SystemClock)
    mask: Callable[[bytes], str] | None = None


EPILOG = """\b
A fix is a Python file with a function, run in a process of its own and under a time limit:

\b
  def fix(payload: bytes, reason: str) -> bytes | None:   # None leaves the record where it is
      return payload.replace(b'"surface":5', b'"surface":"chat"')

\b
or any executable that reads a payload and writes the fixed one; the reason is in STREAMKEEPER_REASON, and writing
nothing leaves the record where it is. What the contract would refuse again is not sent.

What was redriven is recorded under redriven/ in the lake and is never redriven again, however often and from how many
machines this runs.

""" + exit_codes_help(
    done="all that was selected was redriven (or listed)",
    failed="some of it was not; the account says why",
    also=(UNREACHABLE,),
    stopped="run it again to go on",
)

QUARANTINE_EXAMPLES = """\b
Examples:
  streamkeeper redrive quarantine --list
  streamkeeper redrive quarantine --reason schema_future            # after an upgrade
  streamkeeper redrive quarantine --reason type --fix fix.py --dry-run
  streamkeeper redrive quarantine --reason type --fix fix.py --since 3d

"""
DEAD_LETTER_EXAMPLES = """\b
Examples:
  streamkeeper redrive dead-letters --list
  streamkeeper redrive dead-letters --since 2026-03-01
  streamkeeper redrive dead-letters --queue https://sqs.eu-west-1.amazonaws.com/111122223333/failures
  streamkeeper redrive dead-letters --pointers failures.jsonl

\b
S3 keeps whole batches. SQS and SNS say only where a batch was: it is read back from the stream, as long as that keeps
it. Records in a batch that are not events are put back as they are, for quarantine to account for.

"""


def execute(world: World, request: RedriveRequest) -> int:
    """Redrives as the options say, prints the account, and gives the exit code.

    Raises:
        CommandError: what could not be done, and what to do next.
    """
    clock = world.clock
    now = clock.now()
    run_id = request.run_id or f"redrive-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    if _RUN_ID.fullmatch(run_id) is None:
        raise WrongUseError(f"--run-id {run_id}; allowed: 1 to 128 of A-Z a-z 0-9 . _ : @ -")
    since, until = _range(request, now)
    fix = None
    if request.fix is not None:
        try:
            fix = open_fix(request.fix, seconds=request.fix_seconds)
        except UnusableFixError as error:
            raise WrongUseError(f"--fix {error}") from None
    names = _names(world, request)
    parts = world.open(names, clock)
    redriver = Redriver(
        Ledger(parts.ledger(), holder=this_process(), is_alive=is_alive),
        run_id=run_id,
        lateness=request.limits.lateness(names),
        clock=clock,
        fix=fix,
        keeps_bad=isinstance(request, LettersRequest),
        with_verdict=parts.with_verdict() if request.notify else None,
    )
    place = _place(parts, request, since=since, until=until)
    try:
        with closing(place), closing(fix) if fix is not None else nullcontext():
            items = islice(place.items(), request.limit)
            if request.only_list:
                return _list(redriver, items, place, world, request, now)
            return _redrive(redriver, items, place, parts, request, clock)
    except UnusableFixError as error:
        raise WrongUseError(f"--fix {error}") from None


def _list(
    redriver: Redriver, items: Iterator[Item], place: RedriveSource, world: World, request: RedriveRequest, now: float
) -> int:
    groups = redriver.groups(items, sample=world.mask if request.samples else None, samples=request.samples)
    if request.as_json:
        click.echo(msgspec.json.encode({"groups": groups, "unreadable": place.unreadable}))
        return 0
    if not groups:
        click.echo("nothing is set aside in this range")
    for found in groups:
        for line in _group_lines(found, now):
            click.echo(inert(line))
    for line in _unreadable(place):
        click.echo(inert(line))
    if groups and world.mask is None and request.samples:
        click.echo("samples are shown by `streamkeeper redrive`, which masks personal data")
    return 0


def _redrive(
    redriver: Redriver,
    items: Iterator[Item],
    place: RedriveSource,
    parts: Parts,
    request: RedriveRequest,
    clock: Clock,
) -> int:
    if request.dry_run:
        stop = Stop()
        with stopping(stop):
            done = redriver.try_out(items, is_stopped=stop)
    else:
        delivery = open_delivery(parts.stream(), clock=clock, settings=DeliverySettings(keep_ids=False))
        stop = Stop()
        stop.abandon = delivery.abandon
        with stopping(stop), progress("redriving", unit="records") as advance:
            done = redriver.send(items, delivery, is_stopped=stop, progress=advance)
    if request.as_json:
        account = {**msgspec.to_builtins(done), "unreadable": place.unreadable, "dry_run": request.dry_run}
        click.echo(msgspec.json.encode(account))
    else:
        for line in [*_summary_lines(done, request), *_unreadable(place)]:
            click.echo(inert(line))
    if done.is_interrupted:
        return STOPPED
    if done.stopped is not None:
        return UNREACHABLE
    return int(not done.is_whole or bool(place.unreadable))


def _group_lines(group: Group, now: float) -> Iterator[str]:
    records = f", {group.records:,} records" if group.records != group.items else ""
    yield (
        f"{group.reason}: {group.items:,}{records}, of which {group.redriven:,} redriven; "
        f"from {_age(now - group.oldest)} to {_age(now - group.newest)} ago"
    )
    for detail, count in sorted(group.details.items(), key=lambda pair: (-pair[1], pair[0]))[:_SHOWN]:
        yield f"  {count:,} x {detail}"
    for sample in group.samples:
        yield f"  e.g. {sample}"


def _summary_lines(done: Redrive, request: RedriveRequest) -> Iterator[str]:
    """The account in words."""
    dry = request.dry_run
    if done.is_interrupted:
        yield "partial: stopped before everything was looked at; what follows is a part, and the whole is more"
    done_words = "would be redriven; nothing was (--dry-run)" if dry else f"redriven as run {done.run_id}"
    yield f"{done.found:,} found, {done.redriven:,} {done_words}: {done.events:,} events in {done.seconds:.1f} s"
    for count, words in (
        (done.fixed, "changed by the fix"),
        (done.raw, "records are not events and go back as they are, for quarantine to account for"),
        (done.already, "redriven before"),
        (done.held, "claimed by another process right now; run this again when it has ended"),
        (done.still_bad, f"would be refused again{_counted(done.still_bad_reasons)}; they stay where they are"),
        (done.left_out, "left where they are by the fix"),
        (done.fix_failed, f"on which the fix failed{_counted(done.fix_failures)}; they stay where they are"),
        (done.impossible, "cannot be brought back"),
        (done.missing, "records cannot be had any more"),
        (done.failed, "not taken by the stream; run this again"),
    ):
        if count:
            yield f"{count:,} {words}"
    yield from (f"  {problem}" for problem in done.problems[:_SHOWN])
    if len(done.problems) > _SHOWN:
        yield f"  and {len(done.problems) - _SHOWN:,} more (--json has them all)"
    if done.events and not dry:
        yield (
            f"{done.told:,} had no verdict yet: notices of theirs will be sent"
            if request.notify
            else "no notices of their verdicts will be sent (--notify sends those of events without a verdict)"
        )
    if done.stopped is not None:
        yield f"stopped: {done.stopped}"


def _unreadable(place: RedriveSource) -> Iterator[str]:
    if place.unreadable:
        names = ", ".join(place.unreadable[:3])
        yield f"{len(place.unreadable):,} are not invocation records and were left alone: {names}"


def _counted(counts: Mapping[str, int]) -> str:
    return " (" + ", ".join(f"{why} {count:,}" for why, count in counts.items()) + ")" if counts else ""


def _age(seconds: float) -> str:
    """How long, in the largest unit that has two of it.

    >>> _age(90.0), _age(200_000.0)
    ('90 s', '56 h')
    """
    for name, length in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if seconds >= 3 * length:
            return f"{seconds / length:.0f} {name}"
    return f"{max(0.0, seconds):.0f} s"


def _place(parts: Parts, request: RedriveRequest, *, since: float, until: float) -> RedriveSource:
    reasons = frozenset(request.reasons)
    if not isinstance(request, LettersRequest):
        return parts.quarantine(since=since, until=until, reasons=reasons)
    if request.queue is not None and request.pointers is not None:
        raise WrongUseError("--queue and --pointers; allowed: one of them")
    if request.queue is None and request.pointers is None:
        return parts.dead_letters(since=since, until=until, reasons=reasons)
    texts: Sequence[str] = ()
    if request.pointers is not None:
        try:
            texts = [line for line in request.pointers.read_text("utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            allowed = "a text file with one failure message a line"
            raise WrongUseError(f"--pointers {request.pointers}: {type(error).__name__}; allowed: {allowed}") from None
    return parts.pointed_letters(request.queue, texts, since=since, until=until, reasons=reasons)


def _range(request: RedriveRequest, now: float) -> tuple[float, float]:
    since = request.since.at(now).timestamp()
    until = now if request.until is None else min(now, request.until.at(now).timestamp())
    if since >= until:
        raise WrongUseError(f"--since {request.since.text} is not before the end of the range; allowed: {ALLOWED}")
    return since, until


def _names(world: World, request: RedriveRequest) -> dict[str, str]:
    said = request.names
    wanted = {"ContentStreamName": said.stream, "LakeBucketName": said.lake}
    is_letters = isinstance(request, LettersRequest)
    if not is_letters or request.notify:
        wanted |= {"DatabaseName": said.database, "WorkGroupName": said.workgroup}
    if isinstance(request, LettersRequest) and request.queue is None and request.pointers is None:
        wanted["DeadLetterBucketName"] = request.bucket
    return said.found(wanted, world.outputs, command="redrive")


@group(epilog=examples_help("python -m producers.commands.redrive quarantine --list --lake BUCKET --stream NAME"))
def main() -> None:
    """Redrive what was set aside: quarantined records after a fix, batches that Lambda gave up on."""


@main.command(epilog=QUARANTINE_EXAMPLES + EPILOG)
@takes(RedriveRequest, *OPTIONS)
def quarantine(context: click.Context, request: RedriveRequest) -> None:
    """Redrive quarantined records: as they are after an upgrade of the code, or as a fix makes them."""
    context.exit(execute(context.find_object(World) or World(), request))


@main.command("dead-letters", epilog=DEAD_LETTER_EXAMPLES + EPILOG)
@takes(LettersRequest, *LETTER_OPTIONS, *OPTIONS)
def dead_letters(context: click.Context, request: LettersRequest) -> None:
    """Redrive the batches that Lambda gave up on."""
    context.exit(execute(context.find_object(World) or World(), request))


if __name__ == "__main__":
    main()
