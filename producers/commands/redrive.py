"""``redrive``: what was set aside goes back on the stream. Also ``python -m producers.commands.redrive``."""

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import click
import msgspec

from glue.aws.options import AWS_OPTIONS
from glue.codec import Lateness
from glue.terminal.commands import group
from glue.terminal.errors import STOPPED, UNREACHABLE, WrongUseError, exit_codes_help
from glue.terminal.progress import progress
from glue.terminal.sanitize import inert
from glue.terminal.signals import Stop, stopping
from producers.clock import SystemClock
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.ports import Clock, Stream
from producers.redrive.fixes import SECONDS, UnusableFixError, open_fix
from producers.redrive.items import Item, SetAside
from producers.redrive.ledger import Ledger
from producers.redrive.run import Group, Redrive, Redriving, WithVerdict
from producers.replay.moments import ALLOWED, moment
from producers.replay.run_files import is_alive, this_process
from producers.replay.runs import Store

_RUN_ID = re.compile(r"[A-Za-z0-9._:@-]{1,128}", re.ASCII)
_SHOWN = 5

Command = TypeVar("Command", bound=Callable[..., Any])


class Parts(Protocol):
    """What a redrive needs of a stack; made when it is asked for."""

    def ledger(self) -> Store:
        """Where it is written down what was brought back."""
        ...

    def stream(self) -> Stream:
        """The stream, to put on."""
        ...

    def quarantine(self, *, since: float, until: float, reasons: frozenset[str]) -> SetAside:
        """The records in quarantine."""
        ...

    def dead_letters(self, *, since: float, until: float, reasons: frozenset[str]) -> SetAside:
        """The dead letters of the bucket."""
        ...

    def pointed_letters(
        self, queue_url: str | None, texts: Sequence[str], *, since: float, until: float, reasons: frozenset[str]
    ) -> SetAside:
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
it. Records in a batch that are no events are put back as they are, for quarantine to account for.

"""

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--reason", "reasons", multiple=True, metavar="NAME", help="Only these reasons."),
    click.option(
        "--since", default="30d", show_default=True, metavar="TIME", help="From then on: a time, a day, or 6h, 2d ago."
    ),
    click.option("--until", metavar="TIME", help="Before then; else now."),
    click.option(
        "--fix", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Makes good bytes of bad ones."
    ),
    click.option(
        "--fix-seconds", default=SECONDS, show_default=True, type=click.FloatRange(0.1, 300), help="For one record."
    ),
    click.option("--limit", type=click.IntRange(min=1), help="No more than so many, oldest first."),
    click.option("--list", "only_list", is_flag=True, help="Only show what there is: by reason and age, with samples."),
    click.option("--samples", default=2, show_default=True, type=click.IntRange(0, 20), help="Samples of each reason."),
    click.option("--dry-run", is_flag=True, help="Run the fix and check what it makes. Send nothing."),
    click.option("--notify", is_flag=True, help="Tell of verdicts on events that have none yet."),
    click.option("--run-id", metavar="NAME", help="Names the run in the verdicts."),
    click.option(
        "--max-late-days", default=30, show_default=True, type=click.IntRange(1, 400), help="As the stack has it."
    ),
    click.option(
        "--max-ahead-hours", default=24, show_default=True, type=click.IntRange(0, 24), help="As the stack has it."
    ),
    click.option("--stream", help="The stream's name; else the stack's."),
    click.option("--lake", metavar="BUCKET", help="The lake's bucket; else the stack's."),
    click.option("--database", help="The Glue database; else the stack's."),
    click.option("--workgroup", help="The Athena workgroup; else the stack's."),
    click.option("--stack", default="streamkeeper", show_default=True, envvar="STREAMKEEPER_STACK"),
    *AWS_OPTIONS,
    click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object."),
)
_LETTER_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--bucket", help="The bucket of the dead letters; else the stack's."),
    click.option("--queue", metavar="URL", help="An SQS queue with failure messages, also those of SNS, instead."),
    click.option(
        "--pointers",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file with failure messages, one a line, instead.",
    ),
)


def options(command: Command, *more: Callable[[Any], Any]) -> Command:
    """The command with the options of every redrive, and some more; :func:`execute` takes their values."""
    dressed: Any = command
    for option in reversed((*more, *_OPTIONS)):
        dressed = option(dressed)
    return cast(Command, dressed)


def letter_options(command: Command) -> Command:
    """The command with the options of ``redrive dead-letters``."""
    return options(command, *_LETTER_OPTIONS)


def execute(world: World, what: str, given: dict[str, Any]) -> int:
    """Redrives as the options say, prints the account, and gives the exit code.

    Args:
        what: ``quarantine`` or ``dead-letters``.

    Raises:
        CommandError: what could not be done, and what to do next.
    """
    clock = world.clock
    now = clock.now()
    run_id = given["run_id"] or f"redrive-{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    if _RUN_ID.fullmatch(run_id) is None:
        raise WrongUseError(f"--run-id {run_id}; allowed: 1 to 128 of A-Z a-z 0-9 . _ : @ -")
    since, until = _range(given, now)
    fix = None
    if given["fix"] is not None:
        try:
            fix = open_fix(given["fix"], seconds=given["fix_seconds"])
        except UnusableFixError as error:
            raise WrongUseError(f"--fix {error}") from None
    parts = world.open(_names(world, what, given), clock)
    redriving = Redriving(
        Ledger(parts.ledger(), holder=this_process(), is_alive=is_alive),
        run_id=run_id,
        lateness=Lateness(timedelta(days=given["max_late_days"]), timedelta(hours=given["max_ahead_hours"])),
        clock=clock,
        fix=fix,
        keeps_bad=what == "dead-letters",
        with_verdict=parts.with_verdict() if given["notify"] else None,
    )
    place = _place(parts, what, given, since=since, until=until)
    try:
        with closing(place), closing(fix) if fix is not None else nullcontext():
            items = islice(place.items(), given["limit"])
            if given["only_list"]:
                return _list(redriving, items, place, world, given, now)
            return _redrive(redriving, items, place, parts, given, clock)
    except UnusableFixError as error:
        raise WrongUseError(f"--fix {error}") from None


def _list(
    redriving: Redriving, items: Iterator[Item], place: SetAside, world: World, given: Mapping[str, Any], now: float
) -> int:
    groups = redriving.groups(items, sample=world.mask if given["samples"] else None, samples=given["samples"])
    if given["as_json"]:
        click.echo(msgspec.json.encode({"groups": groups, "unreadable": place.unreadable}))
        return 0
    if not groups:
        click.echo("nothing is set aside in this range")
    for found in groups:
        for line in _told_of_group(found, now):
            click.echo(inert(line))
    for line in _unreadable(place):
        click.echo(inert(line))
    if groups and world.mask is None and given["samples"]:
        click.echo("samples are shown by `streamkeeper redrive`, which masks personal data")
    return 0


def _redrive(
    redriving: Redriving,
    items: Iterator[Item],
    place: SetAside,
    parts: Parts,
    given: Mapping[str, Any],
    clock: Clock,
) -> int:
    if given["dry_run"]:
        stop = Stop()
        with stopping(stop):
            done = redriving.try_out(items, is_stopped=stop)
    else:
        delivery = open_delivery(parts.stream(), clock=clock, settings=DeliverySettings(keep_ids=False))
        stop = Stop()
        stop.abandon = delivery.abandon
        with stopping(stop), progress("redriving", unit="records") as advance:
            done = redriving.send(items, delivery, is_stopped=stop, progress=advance)
    if given["as_json"]:
        account = {**msgspec.to_builtins(done), "unreadable": place.unreadable, "dry_run": given["dry_run"]}
        click.echo(msgspec.json.encode(account))
    else:
        for line in [*_told(done, given), *_unreadable(place)]:
            click.echo(inert(line))
    if done.is_interrupted:
        return STOPPED
    if done.stopped is not None:
        return UNREACHABLE
    return int(not done.is_whole or bool(place.unreadable))


def _told_of_group(group: Group, now: float) -> Iterator[str]:
    records = f", {group.records:,} records" if group.records != group.items else ""
    yield (
        f"{group.reason}: {group.items:,}{records}, of which {group.redriven:,} redriven; "
        f"from {_age(now - group.oldest)} to {_age(now - group.newest)} ago"
    )
    for detail, count in sorted(group.details.items(), key=lambda pair: (-pair[1], pair[0]))[:_SHOWN]:
        yield f"  {count:,} x {detail}"
    for sample in group.samples:
        yield f"  e.g. {sample}"


def _told(done: Redrive, given: Mapping[str, Any]) -> Iterator[str]:
    """The account in words."""
    dry = given["dry_run"]
    if done.is_interrupted:
        yield "partial: stopped before everything was looked at; what follows is a part, and the whole is more"
    done_words = "would be redriven; nothing was (--dry-run)" if dry else f"redriven as run {done.run_id}"
    yield f"{done.found:,} found, {done.redriven:,} {done_words}: {done.events:,} events in {done.seconds:.1f} s"
    for count, words in (
        (done.fixed, "changed by the fix"),
        (done.raw, "records are no events and go back as they are, for quarantine to account for"),
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
            f"{done.told:,} had no verdict yet: theirs will be told"
            if given["notify"]
            else "nobody will be told of their verdicts (--notify tells of those that have none yet)"
        )
    if done.stopped is not None:
        yield f"stopped: {done.stopped}"


def _unreadable(place: SetAside) -> Iterator[str]:
    if place.unreadable:
        names = ", ".join(place.unreadable[:3])
        yield f"{len(place.unreadable):,} are no invocation records and were left alone: {names}"


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


def _place(parts: Parts, what: str, given: Mapping[str, Any], *, since: float, until: float) -> SetAside:
    reasons = frozenset(given["reasons"])
    if what == "quarantine":
        return parts.quarantine(since=since, until=until, reasons=reasons)
    if given["queue"] is not None and given["pointers"] is not None:
        raise WrongUseError("--queue and --pointers; allowed: one of them")
    if given["queue"] is None and given["pointers"] is None:
        return parts.dead_letters(since=since, until=until, reasons=reasons)
    texts: Sequence[str] = ()
    if given["pointers"] is not None:
        try:
            texts = [line for line in given["pointers"].read_text("utf-8").splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            allowed = "a text file with one failure message a line"
            raise WrongUseError(f"--pointers {given['pointers']}: {type(error).__name__}; allowed: {allowed}") from None
    return parts.pointed_letters(given["queue"], texts, since=since, until=until, reasons=reasons)


def _range(given: Mapping[str, Any], now: float) -> tuple[float, float]:
    try:
        since = moment(given["since"], now)
        until = now if given["until"] is None else min(now, moment(given["until"], now))
    except ValueError as error:
        raise WrongUseError(f"--since, --until: {error}") from None
    if since >= until:
        raise WrongUseError(f"--since {given['since']} is not before the end of the range; allowed: {ALLOWED}")
    return since, until


def _names(world: World, what: str, given: Mapping[str, Any]) -> dict[str, str]:
    named = {"ContentStreamName": given["stream"], "LakeBucketName": given["lake"]}
    if what == "quarantine" or given["notify"]:
        named |= {"DatabaseName": given["database"], "WorkGroupName": given["workgroup"]}
    if what == "dead-letters" and given["queue"] is None and given["pointers"] is None:
        named |= {"DeadLetterBucketName": given["bucket"]}
    found = world.outputs(given["stack"]) if None in named.values() else {}
    missing = sorted(name for name, value in named.items() if value is None and name not in found)
    if missing:
        raise WrongUseError(
            f"{', '.join(missing)}: not known. Give --stream, --lake, --database, --workgroup, --bucket, or use "
            "`streamkeeper redrive`, which asks the stack"
        )
    return {**found, **{name: value for name, value in named.items() if value is not None}}


@group(epilog="Example: python -m producers.commands.redrive quarantine --list --stack streamkeeper")
def main() -> None:
    """Bring back what was set aside: quarantined records after a fix, batches that Lambda gave up on."""


@main.command(epilog=QUARANTINE_EXAMPLES + EPILOG)
@options
@click.pass_context
def quarantine(context: click.Context, /, **given: Any) -> None:
    """Bring back quarantined records: as they are after an upgrade of the code, or as a fix makes them."""
    context.exit(execute(context.find_object(World) or World(), "quarantine", given))


@main.command("dead-letters", epilog=DEAD_LETTER_EXAMPLES + EPILOG)
@letter_options
@click.pass_context
def dead_letters(context: click.Context, /, **given: Any) -> None:
    """Bring back the batches that Lambda gave up on."""
    context.exit(execute(context.find_object(World) or World(), "dead-letters", given))


if __name__ == "__main__":
    main()
