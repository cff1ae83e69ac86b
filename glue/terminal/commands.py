"""Click commands that end as :mod:`glue.terminal.errors` says: what happened, an exit code, and no stack trace."""

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any

import click

from glue.terminal.errors import STOPPED, CommandError
from glue.terminal.extras import missing_extra
from glue.terminal.sanitize import inert

_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM})
"""What a disk that is full, a folder that is read-only and a lack of rights are to a program that writes."""


class _ShownError(click.ClickException):
    """A command's error as click shows one."""

    def __init__(self, error: CommandError) -> None:
        super().__init__(error.message)
        self._details = error.details
        # Click reads it from the instance.
        self.exit_code = error.exit_code  # type: ignore[misc]

    def show(self, file: IO[Any] | None = None) -> None:
        lines = (f"Error: {inert(self.message)}", *(f"  {inert(line)}" for line in self._details))
        click.echo("\n".join(lines), file=file, err=file is None)


@contextmanager
def ending() -> Iterator[None]:
    """Turns what a command raises into what click ends with: the error's line and code; 130 for Ctrl-C.

    A module that an extra would bring is such an error too, and so is a disk, a folder or an output that takes nothing.
    """
    try:
        yield
    except CommandError as error:
        raise _ShownError(error) from error
    except ModuleNotFoundError as error:
        missing = missing_extra(error.name)
        if missing is None:
            raise
        raise _ShownError(CommandError(missing)) from error
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        where = f"{error.filename} cannot be written" if error.filename else "the output cannot be written"
        said = f"{where}: {error.strerror}; make room or ask for the right to write there, or name another place"
        raise _ShownError(CommandError(said)) from error
    except KeyboardInterrupt:
        click.echo("Stopped.", err=True)
        raise click.exceptions.Exit(STOPPED) from None


class _SaidWhole(click.Command):
    """A command that its group lists with its whole first sentence, on as many lines as that takes."""

    def get_short_help_str(self, limit: int = 45) -> str:
        del limit
        return super().get_short_help_str(limit=10_000)


class Command(_SaidWhole):
    """A command whose errors end it with one line and their exit code.

    Args:
        renamed: options by the names that they had before, with those that they have now: both are understood, and the
            help shows the new ones.
    """

    def __init__(self, *args: Any, renamed: Mapping[str, str] | None = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._renamed = renamed or {}

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(_renamed(args, self._renamed)))

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with ending():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with ending():
            return super().invoke(ctx)


def _renamed(args: Sequence[str], names: Mapping[str, str]) -> Iterator[str]:
    """The arguments with the options' present names.

    >>> list(_renamed(["--text", "a", "--text=b", "--", "--text"], {"--text": "--text-column"}))
    ['--text-column', 'a', '--text-column=b', '--', '--text']
    """
    is_option = True
    for argument in args:
        is_option = is_option and argument != "--"
        name, equals, value = argument.partition("=")
        yield f"{names[name]}{equals}{value}" if is_option and name in names else argument


class Group(_SaidWhole, click.Group):
    """A group of such commands."""

    command_class = Command
    group_class = type

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        with ending():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        with ending():
            return super().invoke(ctx)


def examples_help(*examples: str) -> str:
    r"""The examples of one command as its help lists them: each on a line of its own, which a shell takes as it is.

    >>> examples_help("streamkeeper demo", "streamkeeper demo --seed 7")
    '\x08\nExamples:\n  streamkeeper demo\n  streamkeeper demo --seed 7\n\n'
    """
    return "\b\nExamples:\n" + "".join(f"  {example}\n" for example in examples) + "\n"


def command(name: str | None = None, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """Makes a function a :class:`Command`; takes what ``click.command`` takes."""
    return click.command(name, cls=Command, **settings)


def group(name: str | None = None, **settings: Any) -> Callable[[Callable[..., Any]], Group]:
    """Makes a function a :class:`Group`; takes what ``click.group`` takes."""
    return click.group(name, cls=Group, **settings)
