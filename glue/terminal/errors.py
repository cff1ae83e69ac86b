"""How a command says that it could not: one line that says what to do next, no stack trace, an exit code."""

from typing import IO, Any

import click

from glue.terminal.sanitize import inert

FAILED = 1
WRONG_USE = 2
UNREACHABLE = 3
GATE_MISSED = 4
IN_USE = 5
STOPPED = 130

EXIT_CODES = (
    "Exit codes: 0 answered; 1 the query failed; 2 wrong use; 3 nothing reachable (endpoint, credentials, stack); "
    "130 stopped by Ctrl-C, at Athena too."
)


class CommandError(click.ClickException):
    """A command that could not do what it was asked to: what happened, and what to do next.

    Untrusted text in the message is shown inert.
    """

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"Error: {inert(self.message)}", file=file, err=file is None)


class WrongUseError(CommandError):
    """Something given to the command that cannot be what was meant."""

    exit_code = WRONG_USE


class UnreachableError(CommandError):
    """A stream, bucket, table or stack that cannot be reached, or not with these credentials."""

    exit_code = UNREACHABLE


class InUseError(CommandError):
    """Another process works on the same run, spool or folder."""

    exit_code = IN_USE
