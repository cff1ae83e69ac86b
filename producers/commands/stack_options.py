"""The options by which a command of the producers finds the parts of a stack, and what they were."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import click
from msgspec import Struct

from glue.aws.options import AWS_OPTIONS
from glue.codec import DEFAULT_LATENESS, Lateness
from glue.terminal.errors import WrongUseError
from glue.terminal.requests import Option

STACK = "streamkeeper"

STACK_OPTION: Option = click.option(
    "--stack",
    default=STACK,
    show_default=True,
    envvar="STREAMKEEPER_STACK",
    help="The stack; overrides STREAMKEEPER_STACK.",
)
STREAM_OPTION: Option = click.option(
    "--stream",
    envvar="STREAMKEEPER_STREAM",
    help="The stream to use instead of the stack's; overrides STREAMKEEPER_STREAM.",
)
LAKE_OPTIONS: tuple[Option, ...] = (
    STREAM_OPTION,
    click.option("--lake", metavar="BUCKET", help="The lake's bucket; else the stack's."),
    click.option("--database", help="The Glue database; else the stack's."),
    click.option("--workgroup", help="The Athena workgroup; else the stack's."),
    STACK_OPTION,
    *AWS_OPTIONS,
)
LATENESS_OPTIONS: tuple[Option, ...] = (
    click.option(
        "--max-late-days",
        type=click.IntRange(1, 400),
        help="How late an event may arrive; else as the stack has it, else 30.",
    ),
    click.option(
        "--max-ahead-hours",
        type=click.IntRange(0, 24),
        help="How far in the future an event may be created; else as the stack has it, else 24.",
    ),
)


class StackNames(Struct, frozen=True):
    """What was said of a stack's parts; None takes the stack's."""

    stream: str | None
    lake: str | None
    database: str | None
    workgroup: str | None
    stack: str

    def found(
        self, wanted: Mapping[str, str | None], outputs: Callable[[str], Mapping[str, str]], *, command: str
    ) -> dict[str, str]:
        """The stack's outputs by name, with what was said in their place.

        Args:
            wanted: the outputs that are needed, and what was said of each.
            outputs: gives the outputs of a stack.
            command: who else asks the stack, for the message.

        Raises:
            WrongUseError: something is neither said nor an output.
        """
        found = outputs(self.stack) if None in wanted.values() else {}
        missing = sorted(name for name, value in wanted.items() if value is None and name not in found)
        if missing:
            options = ", ".join(_OPTION_OF[name] for name in missing)
            raise WrongUseError(
                f"{', '.join(missing)}: not known; give {options}, or use `streamkeeper {command}`, which asks the "
                "stack"
            )
        return {**found, **{name: value for name, value in wanted.items() if value is not None}}


_OPTION_OF = {
    "ContentStreamName": "--stream",
    "LakeBucketName": "--lake",
    "DatabaseName": "--database",
    "WorkGroupName": "--workgroup",
    "DeadLetterBucketName": "--bucket",
}


class Limits(Struct, frozen=True):
    """The consumer's limits on when an event was created; None takes the stack's."""

    max_late_days: int | None
    max_ahead_hours: int | None

    def lateness(self, outputs: Mapping[str, str]) -> Lateness:
        """The limits as they were said, else as the stack's outputs have them, else the contract's."""
        days, hours = self.max_late_days, self.max_ahead_hours
        return Lateness(
            _whole(outputs, "MaxLateDays", days, timedelta(days=1), DEFAULT_LATENESS.past),
            _whole(outputs, "MaxAheadHours", hours, timedelta(hours=1), DEFAULT_LATENESS.future),
        )


def _whole(outputs: Mapping[str, str], name: str, said: int | None, unit: timedelta, otherwise: timedelta) -> timedelta:
    if said is not None:
        return said * unit
    return int(outputs[name]) * unit if outputs.get(name, "").isdigit() else otherwise
