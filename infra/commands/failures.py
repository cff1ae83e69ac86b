"""How a command says that it could not: one line, no stack trace, an exit code."""

from typing import IO, Any

import click

from infra.commands.inert import inert

FAILED = 1
WRONG_USE = 2
UNREACHABLE = 3
STOPPED = 130

EXIT_CODES = (
    "Exit codes: 0 answered; 1 the query failed; 2 wrong use; 3 nothing reachable (endpoint, credentials, stack); "
    "130 stopped by Ctrl-C, at Athena too."
)


class CommandFailed(click.ClickException):
    """A command that could not do what it was asked to: what happened, and what to do next.

    Untrusted text in the message is shown inert.
    """

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"Error: {inert(self.message)}", file=file, err=file is None)


class Unreachable(CommandFailed):
    """Nobody to ask: no endpoint, no credentials, or no stack."""

    exit_code = UNREACHABLE


class WrongUse(CommandFailed):
    """Something given to the command that cannot be what was meant."""

    exit_code = WRONG_USE
