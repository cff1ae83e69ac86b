"""Where ``streamkeeper`` starts: the command line, or what to install for it where it is not installed."""

import sys
from collections.abc import Sequence

from glue.terminal.errors import FAILED
from glue.terminal.extras import missing_extra
from infra.commands import COMMANDS


def main() -> None:
    """Runs the command line; its exit codes are in :data:`glue.terminal.errors.EXIT_CODES`."""
    try:
        from infra.cli import streamkeeper
    except ModuleNotFoundError as error:
        missing = missing_extra(error.name)
        if missing is None:
            raise
        sys.exit(without_command_line(sys.argv[1:], missing))
    streamkeeper()


def without_command_line(arguments: Sequence[str], missing: str) -> int:
    """Shows the commands, or says in one line what to install; gives the exit code.

    Args:
        arguments: what was typed behind ``streamkeeper``.
        missing: what to install, in one line.
    """
    if arguments and arguments[0] not in ("-h", "--help"):
        sys.stderr.write(f"Error: {missing}\n")
        return FAILED
    width = max(map(len, COMMANDS))
    lines = (f"  {name:<{width}}  {what}\n" for name, what in COMMANDS.items())
    sys.stdout.write(f"Usage: streamkeeper COMMAND [ARGS]...\n\nCommands:\n{''.join(lines)}\n")
    sys.stdout.write(f"The command line is not installed: {missing}\n")
    return 0
