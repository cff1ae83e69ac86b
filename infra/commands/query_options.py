"""What the commands that ask Athena have in common: their options, and how the answer is printed."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import click

from athena import output
from athena.engine import Answer, EngineError
from glue.aws.options import AWS_OPTIONS
from glue.terminal.errors import STOPPED, CommandError
from infra.commands.stack import STACK, failed

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option("--csv", "form", flag_value="csv", help="Print CSV by RFC 4180; no cell can run as a formula."),
    click.option(
        "--json",
        "form",
        flag_value="json",
        help="Print one JSON array of objects; what arrays and rows hold are texts.",
    ),
    click.option("--stack", default=STACK, show_default=True, envvar="STREAMKEEPER_STACK", help="Which stack to ask."),
    click.option("--database", default=None, help="Another Glue database than the stack's."),
    click.option("--workgroup", default=None, help="Another Athena workgroup than the stack's."),
    *AWS_OPTIONS,
)


def asks(command: Command) -> Command:
    """The command with the options of all that ask Athena: form, stack, database, workgroup."""
    dressed: Any = command
    for option in reversed(_OPTIONS):
        dressed = option(dressed)
    return cast(Command, dressed)


@contextmanager
def asking() -> Iterator[None]:
    """Turns what can go wrong while Athena works into one line and an exit code; Ctrl-C into 130.

    Raises:
        CommandError: the engine gave no answer.
    """
    try:
        yield
    except EngineError as error:
        raise failed(error) from error
    except KeyboardInterrupt:
        click.echo("Stopped; the query was stopped at Athena too.", err=True)
        raise click.exceptions.Exit(STOPPED) from None


def show(answer: Answer, form: str | None, *, units: Sequence[str] = ()) -> None:
    """Prints the answer on standard output, and what it cost on standard error.

    Raises:
        CommandError: JSON of columns that share a name.
    """
    match form:
        case "csv":
            for line in output.csv_lines(answer, terminal=sys.stdout.isatty()):
                # In bytes where it can be: a text stream may turn CRLF into something else.
                click.echo(line.encode() if not sys.stdout.isatty() else line, nl=False)
        case "json":
            try:
                for line in output.json_lines(answer):
                    click.echo(line, nl=False)
            except ValueError as error:
                raise CommandError(str(error)) from error
        case _ if answer.columns:
            output.print_table(answer, sys.stdout, units=units)
    rows = "1 row" if len(answer.rows) == 1 else f"{len(answer.rows)} rows"
    click.echo(f"{rows}, {output.size(answer.bytes_scanned)} scanned, {answer.engine_ms} ms", err=True)
