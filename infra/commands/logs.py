"""``streamkeeper logs``: what a function writes."""

import json
import time
from datetime import UTC, datetime

import click
from msgspec import Struct

from glue.aws.options import AWS_OPTIONS
from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, UnreachableError, exit_codes_help
from glue.terminal.moment_option import MOMENT, Moment
from glue.terminal.requests import takes
from glue.terminal.sanitize import inert
from infra.commands.stack import STACK, output, outputs
from infra.operating.function_logs import LogLine, log_group, log_lines


class LogsRequest(Struct, frozen=True):
    """Whose log, and from when on."""

    function: str | None
    stack: str
    since: Moment
    pattern: str
    follow: bool
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper logs --follow
  streamkeeper logs orders-book --since 2h --filter ERROR --json

"""
    + exit_codes_help(also=(UNREACHABLE,), stopped="it only reads, so nothing is left half done")
)
@takes(
    LogsRequest,
    click.argument("function", required=False),
    click.option("--stack", default=STACK, show_default=True, envvar="STREAMKEEPER_STACK", help="Which stack."),
    click.option(
        "--since", type=MOMENT, default="15m", show_default=True, help="From when on: 15m, 2h, a date, a time."
    ),
    click.option("--filter", "pattern", default="", metavar="PATTERN", help="A filter pattern of CloudWatch Logs."),
    click.option("--follow", "-f", is_flag=True, help="Keep following until Ctrl-C."),
    click.option("--json", "as_json", is_flag=True, help="A JSON object for each line: at, stream, message."),
    *AWS_OPTIONS,
)
def logs(context: click.Context, request: LogsRequest) -> None:
    """Show what a function writes, of the stack's consumer unless another is named.

    It reads CloudWatch Logs, on AWS and on the laptop runtime.
    """
    from athena.aws.engine import failure_of
    from glue.aws.clients import make_client
    from glue.aws.errors import AWS_ERRORS

    name = request.function or output(
        outputs(request.stack),
        "ModerateFunctionName",
        stack=request.stack,
        instead="name one: streamkeeper logs FUNCTION",
    )
    since = int(request.since.at(time.time()).timestamp() * 1000)
    try:
        group = log_group(make_client("lambda"), name)
        found = log_lines(
            make_client("logs"),
            group,
            since=since,
            pattern=request.pattern,
            following=lambda: request.follow,
            sleep=time.sleep,
        )
        for line in found:
            _show(line, as_json=request.as_json)
    except AWS_ERRORS as error:
        if "ResourceNotFoundException" in str(error) and "log group" in str(error).lower():
            click.echo(f"{name} has written nothing yet", err=True)
            return
        raise UnreachableError(f"function {name!r}: {failure_of(error)}") from error


def _show(line: LogLine, *, as_json: bool) -> None:
    at = datetime.fromtimestamp(line.at / 1000, UTC)
    if as_json:
        click.echo(
            json.dumps({"at": at.isoformat(timespec="milliseconds"), "stream": line.stream, "message": line.message})
        )
    else:
        click.echo(f"{at:%H:%M:%S}.{line.at % 1000:03}  {inert(line.message)}")
