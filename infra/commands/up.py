"""``streamkeeper up``: keeps the laptop runtime running."""

import json
import signal
import socket
import threading
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from glue.terminal.commands import command
from glue.terminal.errors import IN_USE, CommandError, WrongUseError, exit_codes_help
from glue.terminal.sanitize import inert

if TYPE_CHECKING:
    from infra.local.durable.folder import DataFolder

PORT = 4566
# Any will do, since nothing here asks for a password; programs need some.
ACCESS_KEY = SECRET_KEY = "test"  # noqa: S105


class FolderTakenError(CommandError):
    """Another process owns the folder."""

    exit_code = IN_USE


@command(
    epilog="""\b
Examples:
  streamkeeper up
  streamkeeper up --port 0 --parameter ShardCount=8 --json
  streamkeeper up --data .streamkeeper/demo      (what the demo made, to be asked again)

"""
    + exit_codes_help(
        done="stopped by Ctrl-C or SIGTERM", failed="the stack cannot be made, or the port is taken", also=(IN_USE,)
    )
)
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option(
    "--parameter",
    "given",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of infra/aws/template.yaml, e.g. ShardCount=8. Repeatable.",
)
@click.option("--stack", default="streamkeeper", show_default=True, help="Name of the stack.")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which everything outlives the runtime: records, checkpoints, buffers, tables, items, messages; "
    "the objects of S3 as files. Without it nothing is kept.",
)
@click.option(
    "--query-timeout",
    "query_seconds",
    default=1800,
    show_default=True,
    type=click.IntRange(1, 86_400),
    help="Seconds after which a query of Athena's is ended, as Athena itself ends it.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="When ready, print one JSON line: the endpoint, region, credentials, outputs.",
)
def up(*, port: int, given: tuple[str, ...], stack: str, data: Path | None, query_seconds: int, as_json: bool) -> None:
    """Run the whole pipeline on this machine, from the AWS template, until Ctrl-C.

    Other programs reach it through the lines it prints: the aws command line, boto3, awswrangler, and every
    streamkeeper command.
    """
    parameters = _parameters(given)
    _check(port, parameters, stack)
    folder = _claim(data) if data is not None else None
    try:
        _serve(
            port=port,
            parameters=parameters,
            stack=stack,
            folder=folder,
            query_seconds=query_seconds,
            as_json=as_json,
        )
    finally:
        if folder is not None:
            folder.release()


def _check(port: int, parameters: dict[str, str], stack: str) -> None:
    """Refuses what can be known to be wrong, before the slow imports and before anything is made."""
    from infra.local.cloudformation.checks import check_stack
    from infra.local.cloudformation.intrinsics import TemplateError, load_template
    from infra.local.defaults import ACCOUNT_ID, TEMPLATE

    try:
        with socket.socket() as probe:
            # As the server itself does: a port whose last connections are still closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError as error:
        raise _port_taken(port, error) from error
    try:
        template = load_template(TEMPLATE.read_text(encoding="utf-8"))
        check_stack(template, stack_name=stack, parameters=parameters, account_id=ACCOUNT_ID)
    except TemplateError as error:
        raise WrongUseError(str(error)) from error


def _claim(data: Path) -> "DataFolder":
    from infra.local.durable.folder import DataFolder, FolderError, FolderInUseError

    try:
        return DataFolder(data)
    except FolderInUseError as error:
        raise FolderTakenError(str(error)) from error
    except FolderError as error:
        raise CommandError(f"--data: {error}") from error


def _serve(
    *,
    port: int,
    parameters: dict[str, str],
    stack: str,
    folder: "DataFolder | None",
    query_seconds: int,
    as_json: bool,
) -> None:
    from infra.local.cloudformation.intrinsics import TemplateError
    from infra.local.durable.store import StoreError
    from infra.local.errors import ApiError
    from infra.local.twin import Twin

    started = time.monotonic()
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    try:
        twin = Twin(
            parameters=parameters,
            port=port,
            stack_name=stack,
            query_seconds=query_seconds,
            data=folder.path if folder else None,
        )
    except OSError as error:
        raise _port_taken(port, error) from error
    except StoreError as error:
        raise CommandError(str(error)) from error
    try:
        twin.start()
    except (ApiError, StoreError, TemplateError) as error:
        raise CommandError(f"the stack was not made: {error}") from error
    try:
        if folder is not None:
            folder.announce(twin.endpoint_url)
        for line in twin.left_out:
            click.echo(f"left out: {inert(line)}", err=True)
        if as_json:
            ready = {
                "endpoint_url": twin.endpoint_url,
                "region": twin.region,
                "aws_access_key_id": ACCESS_KEY,
                "aws_secret_access_key": SECRET_KEY,
                "outputs": twin.outputs,
            }
            click.echo(json.dumps(ready))
        else:
            _print_ready(twin, time.monotonic() - started, folder.path if folder else None)
        stop.wait()
    finally:
        if folder is not None:
            # What is buffered lands first: the folder then holds it as objects, which any tool can read.
            twin.drain(60.0)
        twin.stop()


def _port_taken(port: int, error: OSError) -> CommandError:
    return CommandError(f"port {port} cannot be had ({error.strerror}); try --port 0 for any free one")


def _parameters(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given]
    wrong = [name for name, equals, _ in pairs if not (name and equals)]
    if wrong:
        raise WrongUseError(f"--parameter {wrong[0]!r} is no NAME=VALUE; e.g. --parameter ShardCount=8")
    return {name: value for name, _, value in pairs}


def _print_ready(twin: "object", seconds: float, data: Path | None) -> None:
    from infra.local.twin import Twin

    assert isinstance(twin, Twin)  # noqa: S101 -- for the type checker; imported here, since moto takes a second
    click.echo(f"The stack of infra/aws/template.yaml is up ({seconds:.1f} s). In another terminal, paste:\n")
    click.echo(f"export AWS_ENDPOINT_URL={twin.endpoint_url}")
    click.echo(f"export AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY}")
    click.echo(f"export AWS_DEFAULT_REGION={twin.region} AWS_REGION={twin.region}\n")
    click.echo("and then, for instance:\n")
    click.echo("streamkeeper produce --synthetic 10000")
    click.echo("streamkeeper report actions_by_hour")
    click.echo("streamkeeper query 'SELECT action, count(*) FROM current_verdicts GROUP BY 1'\n")
    width = max(len(name) for name in twin.outputs)
    for name, value in sorted(twin.outputs.items()):
        click.echo(f"{name:<{width}}  {value}")
    click.echo(
        "\nVerdicts are buffered as on AWS, for minutes; `curl -X POST "
        f"{twin.endpoint_url}/_twin/drain` lands them now.\n"
        + (f"Everything is kept in {data}. " if data else "Nothing is kept when it stops. ")
        + "Ctrl-C stops it."
    )
