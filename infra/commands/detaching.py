"""``up --detach``: the runtime in a process of its own, which runs on."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import click
from click.core import ParameterSource

from glue.terminal.errors import CommandError
from infra.local.runs import folder

_OURS = ("detach", "as_json", "log_file")
_SHOWN_LINES = 20


def start_detached(context: click.Context) -> dict[str, Any]:
    """Starts ``up`` with the options of this context in another process; gives what it says when it is ready.

    Raises:
        CommandError: it ended before that, with its own exit code and words.
    """
    try:
        folder().mkdir(parents=True, exist_ok=True, mode=0o700)
        number, name = tempfile.mkstemp(prefix="up-", suffix=".log", dir=folder())
    except OSError as error:
        raise CommandError(
            f"{folder()} cannot be written ({error.strerror}), and a detached runtime needs it; set XDG_STATE_HOME"
        ) from error
    log = Path(name)
    command = [sys.executable, "-m", "infra", "up", *_options(context), "--json", "--log-file", str(log)]
    with open(number, "wb") as errors:
        # A session of its own: neither Ctrl-C nor the end of this terminal is for it.
        process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    assert process.stdout is not None  # noqa: S101
    with _ended_with_us(process):
        line = process.stdout.readline()
        if line:
            for problem in _tail(log):
                click.echo(problem, err=True)
            return dict(json.loads(line))
        code = process.wait()
    raise _failed(code, log)


def redirect_output(log_file: Path | None) -> None:
    """What is printed from now on goes where errors go: whoever started this process has stopped reading."""
    if log_file is not None:
        sys.stdout.flush()
        os.dup2(2, 1)


@contextmanager
def _ended_with_us(process: "subprocess.Popen[bytes]") -> Any:
    """Ends the process when this one is stopped before it is ready."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGTERM)
        raise


def _failed(code: int, log: Path) -> CommandError:
    lines = _tail(log)
    last = lines[-1].removeprefix("Error: ") if lines else f"the runtime ended with exit code {code}"
    error = CommandError(last)
    error.exit_code = code if code > 0 else error.exit_code
    if not lines or not lines[-1].startswith("Error: "):
        click.echo("\n".join(lines), err=True)
    log.unlink(missing_ok=True)
    return error


def _tail(log: Path) -> list[str]:
    file: IO[str]
    with log.open(encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\n") for line in file.readlines()[-_SHOWN_LINES:]]


def _options(context: click.Context) -> list[str]:
    """The options of a command as they were given."""
    given: list[str] = []
    for one in context.command.params:
        name = str(one.name)
        if name in _OURS or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        option, value = max(one.opts, key=len), context.params[name]
        if isinstance(one, click.Option) and one.is_flag:
            given.append(option if value else one.secondary_opts[0])
            continue
        given.extend(f"{option}={item}" for item in (value if one.multiple else (value,)))
    return given
