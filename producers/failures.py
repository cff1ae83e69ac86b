"""How a command says that it could not: one line that says what to do next, no stack trace, an exit code."""

import click

FAILED = 1
WRONG_USE = 2
UNREACHABLE = 3
TAKEN = 4
INTERRUPTED = 130


class CommandError(click.ClickException):
    """What the command could not do."""

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        super().__init__(inert(message))


class WrongUseError(CommandError):
    """Something given that cannot be what was meant."""

    exit_code = WRONG_USE


class UnreachableError(CommandError):
    """A stream, bucket or table that cannot be reached, or not with these credentials."""

    exit_code = UNREACHABLE


class TakenError(CommandError):
    """Another process works on the same run."""

    exit_code = TAKEN


def inert(text: str) -> str:
    r"""The text with everything that could act on a terminal written as its escape.

    >>> inert("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode()
        for letter in text
    )
