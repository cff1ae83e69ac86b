"""What ``redrive`` is asked for."""

from pathlib import Path

import click
from msgspec import Struct

from glue.terminal.moment_option import MOMENT, MOMENT_HELP, Moment
from glue.terminal.requests import Option
from producers.commands.stack_options import LAKE_OPTIONS, LATENESS_OPTIONS, Limits, StackNames
from producers.redrive.fixes import SECONDS


class RedriveRequest(Struct, frozen=True):
    """What was asked for of quarantine."""

    reasons: tuple[str, ...]
    since: Moment
    until: Moment | None
    fix: Path | None
    fix_seconds: float
    limit: int | None
    only_list: bool
    samples: int
    dry_run: bool
    notify: bool
    run_id: str | None
    limits: Limits
    names: StackNames
    as_json: bool


class LettersRequest(RedriveRequest, frozen=True):
    """What was asked for of dead letters: those of the bucket, unless a queue or pointers say where batches are."""

    bucket: str | None
    queue: str | None
    pointers: Path | None


OPTIONS: tuple[Option, ...] = (
    click.option(
        "--reason", "reasons", multiple=True, metavar="NAME", help="Only records with this reason; repeat for more."
    ),
    click.option(
        "--since", type=MOMENT, default="30d", show_default=True, help=f"Arrivals from this moment on: {MOMENT_HELP}."
    ),
    click.option("--until", type=MOMENT, help="Arrivals before this moment; else before now."),
    click.option(
        "--fix",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A function or program that repairs a payload; see below.",
    ),
    click.option(
        "--fix-seconds",
        default=SECONDS,
        show_default=True,
        type=click.FloatRange(0.1, 300),
        help="How many seconds a fix may take for one record.",
    ),
    click.option("--limit", type=click.IntRange(min=1), help="Redrive at most this many, oldest first."),
    click.option("--list", "only_list", is_flag=True, help="Only list what there is: by reason and age, with samples."),
    click.option(
        "--samples",
        default=2,
        show_default=True,
        type=click.IntRange(0, 20),
        help="How many samples to show of each reason.",
    ),
    click.option("--dry-run", is_flag=True, help="Run the fix and check what it makes. Send nothing."),
    click.option("--notify", is_flag=True, help="Send notifications for events that have no verdict yet."),
    click.option("--run-id", metavar="NAME", help="Name of the run in the verdicts."),
    *LATENESS_OPTIONS,
    *LAKE_OPTIONS,
    click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object."),
)
LETTER_OPTIONS: tuple[Option, ...] = (
    click.option("--bucket", help="The bucket of the dead letters; else the stack's."),
    click.option("--queue", metavar="URL", help="An SQS queue with failure messages, also those of SNS, instead."),
    click.option(
        "--pointers",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file with failure messages, one a line, instead.",
    ),
)
