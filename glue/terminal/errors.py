"""How a command ends: the one table of exit codes, and the errors that carry them.

These are plain exceptions, so that a library may raise them where no command line is installed.
:mod:`glue.terminal.commands` turns them into one line on standard error and the exit code.
"""

from collections.abc import Collection, Iterable

DONE = 0
FAILED = 1
WRONG_USE = 2
UNREACHABLE = 3
GATE_MISSED = 4
IN_USE = 5
NOTHING_TO_JUDGE = 6
STOPPED = 130

EXIT_CODES = {
    DONE: "done",
    FAILED: "failed, or found something that needs attention",
    WRONG_USE: "wrong use: an option, an argument or a file is not what the command takes",
    UNREACHABLE: "not reachable: the endpoint, the credentials, the stack, a stream, a bucket or a table",
    GATE_MISSED: "a gate was missed: a figure is beyond a limit that an option sets",
    IN_USE: "in use by another process",
    NOTHING_TO_JUDGE: "nothing to judge yet",
    STOPPED: "stopped by Ctrl-C or SIGTERM",
}
"""What each exit code means; the same for every command."""
_EVERYWHERE = (DONE, FAILED, WRONG_USE)
_SHORT = {
    FAILED: "failed",
    WRONG_USE: "wrong use",
    UNREACHABLE: "endpoint, credentials or stack not reachable",
    GATE_MISSED: "a gate was missed",
}


def exit_codes_help(
    *, done: str = "", failed: str = "", wrong_use: str = "", also: Collection[int] = (), stopped: str = ""
) -> str:
    """The exit codes of one command as its help lists them.

    Args:
        done: what 0 means here, when there is more to say than "done".
        failed: what 1 means here.
        wrong_use: what 2 means beside wrong use.
        also: the codes that the command may end with beside 0, 1 and 2.
        stopped: what is left behind when it is stopped; adds 130.

    >>> exit_codes_help(done="all accepted", failed="some were rejected", also=(IN_USE,))
    'Exit codes: 0 all accepted; 1 some were rejected; 2 wrong use; 5 in use by another process.'
    """
    said = {code: _SHORT.get(code, EXIT_CODES[code]) for code in EXIT_CODES}
    if wrong_use:
        said[WRONG_USE] = f"{said[WRONG_USE]}, or {wrong_use}"
    if stopped:
        said[STOPPED] = f"{said[STOPPED]} ({stopped})"
    said |= {code: text for code, text in ((DONE, done), (FAILED, failed)) if text}
    shown = sorted({*_EVERYWHERE, *also, *([STOPPED] if stopped else [])})
    return "Exit codes: " + "; ".join(f"{code} {said[code]}" for code in shown) + "."


class CommandError(Exception):
    """A command that could not do what it was asked to: what happened, and what to do next.

    Untrusted text in it is escaped when it is shown.

    Args:
        message: one line.
        details: lines below it, such as each thing that is wrong.
    """

    exit_code = FAILED

    def __init__(self, message: str, *, details: Iterable[str] = ()) -> None:
        self.message = message
        self.details = tuple(details)
        super().__init__("\n".join([message, *self.details]))


class WrongUseError(CommandError):
    """An option, an argument or a file that is not what the command takes."""

    exit_code = WRONG_USE


class UnreachableError(CommandError):
    """A stream, bucket, table or stack that cannot be reached, or not with these credentials."""

    exit_code = UNREACHABLE


class GateMissedError(CommandError):
    """A figure is beyond a limit that an option sets."""

    exit_code = GATE_MISSED


class InUseError(CommandError):
    """Another process works on the same run, spool or folder."""

    exit_code = IN_USE


class NothingToJudgeError(CommandError):
    """There is nothing yet that an answer could be about."""

    exit_code = NOTHING_TO_JUDGE
