"""``streamkeeper down``: ends a laptop runtime, or clears up after one that was killed."""

import json
import os
import signal
import time
from pathlib import Path

import click
from msgspec import Struct

from glue.terminal.commands import command
from glue.terminal.errors import exit_codes_help
from glue.terminal.progress import progress
from glue.terminal.requests import takes
from infra.commands.runtimes import choose, which
from infra.local.runs import Run, clear, crashed, is_alive, running

_LOOK_SECONDS = 0.05


class DownRequest(Struct, frozen=True):
    """What to end."""

    port: int | None
    data: Path | None
    everything: bool
    timeout: float
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper down
  streamkeeper down --port 4567
  streamkeeper down --data .streamkeeper/mine

"""
    + exit_codes_help(done="none runs any more, or none ran", failed="it had to be killed: what was in flight is lost")
)
@takes(
    DownRequest,
    which,
    click.option("--data", type=click.Path(path_type=Path), help="The runtime that owns this folder."),
    click.option("--all", "everything", is_flag=True, help="Every runtime of this user."),
    click.option(
        "--timeout",
        type=click.FloatRange(0, 3600),
        default=90.0,
        show_default=True,
        help="Seconds after which it is killed. With a data folder it lands what is buffered first.",
    ),
    click.option("--json", "as_json", is_flag=True, help="One JSON document: what was stopped, killed and cleared."),
)
def down(context: click.Context, request: DownRequest) -> None:
    """Stop the laptop runtime that runs on this machine.

    With --data it first lands what is buffered. One that was killed before leaves processes and temporary files
    behind: they are removed too.
    """
    if request.everything:
        runs = running()
    else:
        one = choose(request.port, request.data)
        runs = [one] if one else []
    stopped: list[Run] = []
    killed: list[Run] = []
    for run in runs:
        (stopped if _end(run, request.timeout) else killed).append(run)
    gone = [run for run in crashed() if run not in killed]
    cleared = {run.port: clear(run) for run in [*killed, *gone]}
    if request.as_json:
        document = {
            "stopped": [{"port": run.port, "pid": run.pid} for run in stopped],
            "killed": [{"port": run.port, "pid": run.pid} for run in killed],
            "cleared": [{"port": run.port, "pid": run.pid, "processes": cleared[run.port]} for run in gone],
        }
        click.echo(json.dumps(document))
    else:
        _show(stopped, killed, gone)
    context.exit(1 if killed else 0)


def _end(run: Run, timeout: float) -> bool:
    """Whether it ended by itself, before it was killed."""
    try:
        os.kill(run.pid, signal.SIGTERM)
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + timeout
    with progress(f"stopping the runtime at {run.endpoint_url}") as advance:
        while is_alive(run):
            if time.monotonic() >= deadline:
                # It still holds its lock, so the number is still its own.
                os.kill(run.pid, signal.SIGKILL)
                while is_alive(run):
                    time.sleep(_LOOK_SECONDS)
                return False
            advance(0, "landing what is buffered" if run.data else "")
            time.sleep(_LOOK_SECONDS)
    if run.log and not _size(run.log):
        Path(run.log).unlink(missing_ok=True)
    return True


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _show(stopped: list[Run], killed: list[Run], gone: list[Run]) -> None:
    for run in stopped:
        kept = f"; everything is kept in {run.data}" if run.data else ""
        click.echo(f"stopped: {run.endpoint_url} (process {run.pid}){kept}")
    for run in killed:
        click.echo(f"killed: {run.endpoint_url} (process {run.pid}) did not end in time; what it buffered is lost")
    for run in gone:
        click.echo(f"cleared: what was left of {run.endpoint_url} (process {run.pid}), which had been killed")
    if not (stopped or killed or gone):
        click.echo("no laptop runtime runs here")
