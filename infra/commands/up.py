"""``streamkeeper up``: keeps the laptop runtime running."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from glue.terminal.commands import command
from glue.terminal.errors import IN_USE, CommandError, WrongUseError, exit_codes_help
from glue.terminal.sanitize import inert
from infra.commands.detaching import redirect_output, start_detached
from infra.commands.ready import show_ready

if TYPE_CHECKING:
    from infra.certificate import Certificate
    from infra.local.durable.folder import DataFolder
    from infra.local.testbed import Testbed

PORT = 4566
TLS_FOLDER = Path(".streamkeeper/tls")
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
  streamkeeper up --template template.yaml --stack clicks    # a stack of your own
  streamkeeper up --enforce-iam --template template.yaml     # with the rights that it grants, and no more
  streamkeeper up --data .streamkeeper/demo                   # the lake that the demo made
  streamkeeper up --detach && streamkeeper status && streamkeeper down

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
    help="A parameter of the template, e.g. ShardCount=8. Repeatable.",
)
@click.option("--stack", default="streamkeeper", show_default=True, help="Name of the stack.")
@click.option(
    "--template",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A SAM or CloudFormation template of your own instead of infra/aws/template.yaml; its functions' code is "
    "taken from beside it. docs/conformance.md lists what is handled; the rest is refused by name.",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder in which everything outlives the runtime: records, checkpoints, buffers, tables, items, messages; "
    "the objects of S3 as files. Without it nothing is kept.",
)
@click.option(
    "--tls",
    "tls",
    is_flag=True,
    help=f"Speak TLS too, on a port of its own, with a certificate made in {TLS_FOLDER}; prints how to trust it.",
)
@click.option(
    "--tls-port",
    type=click.IntRange(0, 65535),
    help="The port of --tls; 0 takes any free port.  [default: the next after --port]",
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
    "--detach",
    is_flag=True,
    help="Return once it is ready and leave it running; streamkeeper status, logs and down find it.",
)
@click.option(
    "--for-tests",
    is_flag=True,
    help="Let tests empty it, move its clock, switch faults on and see invocations, over /_twin/. Keeps nothing.",
)
@click.option(
    "--enforce-iam",
    is_flag=True,
    help="Refuse what the template's policies do not grant: functions call with their role, and so does who assumes a "
    "role by STS; other keys are the account's administrator.",
)
@click.option("--with-stdin", is_flag=True, hidden=True)
@click.option("--log-file", type=click.Path(dir_okay=False, path_type=Path), hidden=True)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="When ready, print one JSON line: the endpoint, region, credentials, outputs.",
)
@click.pass_context
def up(
    context: click.Context,
    *,
    port: int,
    given: tuple[str, ...],
    stack: str,
    template: Path | None,
    data: Path | None,
    tls: bool,
    tls_port: int | None,
    query_seconds: int,
    detach: bool,
    for_tests: bool,
    enforce_iam: bool,
    with_stdin: bool,
    log_file: Path | None,
    as_json: bool,
) -> None:
    """Run the whole pipeline on this machine, from the AWS template, until Ctrl-C.

    Other programs reach it through the lines it prints: the aws command line, boto3, awswrangler, and every
    streamkeeper command.
    """
    if for_tests and data is not None:
        raise WrongUseError("--for-tests keeps nothing, so that there is no --data with it")
    parameters = _parameters(given)
    if tls_port is not None and not tls:
        raise WrongUseError("--tls-port is the port of --tls; give both")
    if tls_port is None:
        tls_port = port + 1 if 0 < port < 65535 else 0
    _check(port, parameters, stack, template)
    if tls:
        _check_port(tls_port)
    if detach:
        started = time.monotonic()
        ready = start_detached(context)
        seconds, kept = time.monotonic() - started, str(data) if data else None
        show_ready(ready, seconds=seconds, data=kept, template=template, as_json=as_json, detached=True)
        return
    certificate = _certificate() if tls else None
    folder = _claim(data) if data is not None else None
    try:
        _serve(
            port=port,
            parameters=parameters,
            stack=stack,
            template=template,
            folder=folder,
            certificate=certificate,
            tls_port=tls_port,
            query_seconds=query_seconds,
            as_json=as_json,
            for_tests=for_tests,
            enforce_iam=enforce_iam,
            with_stdin=with_stdin,
            log_file=log_file,
        )
    finally:
        if folder is not None:
            folder.release()


def _check(port: int, parameters: dict[str, str], stack: str, path: Path | None) -> None:
    """Refuses what can be known to be wrong, before the slow imports and before anything is made."""
    from infra.local.cloudformation.checks import check_stack
    from infra.local.cloudformation.intrinsics import TemplateError, load_template
    from infra.local.defaults import ACCOUNT_ID, TEMPLATE

    _check_port(port)
    try:
        template = load_template((path or TEMPLATE).read_text(encoding="utf-8"))
        check_stack(template, stack_name=stack, parameters=parameters, account_id=ACCOUNT_ID)
    except TemplateError as error:
        raise WrongUseError(str(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUseError(f"--template: {path} cannot be read: {error}") from error


def _check_port(port: int) -> None:
    try:
        with socket.socket() as probe:
            # As the server itself does: a port whose last connections are still closing is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError as error:
        raise _port_taken(port, error) from error


def _certificate() -> "Certificate":
    from datetime import UTC, datetime

    from infra.certificate import certificate_for

    try:
        return certificate_for("localhost", TLS_FOLDER.absolute(), now=datetime.now(UTC))
    except OSError as error:
        raise CommandError(f"--tls: {TLS_FOLDER} cannot be written ({error.strerror})") from error


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
    template: Path | None,
    folder: "DataFolder | None",
    certificate: "Certificate | None",
    tls_port: int,
    query_seconds: int,
    as_json: bool,
    for_tests: bool,
    enforce_iam: bool,
    with_stdin: bool,
    log_file: Path | None,
) -> None:
    from infra.local.cloudformation.intrinsics import TemplateError
    from infra.local.cloudformation.provision import read_template
    from infra.local.durable.store import StoreError
    from infra.local.errors import ApiError
    from infra.local.imports import leave_out
    from infra.local.twin import Twin

    # Arrow would import it only to ask whether what it is given is of pandas: a second and 60 MB for nothing.
    leave_out("pandas")
    started = time.monotonic()
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    if with_stdin:
        threading.Thread(target=_stop_with_stdin, args=(stop,), daemon=True).start()
    try:
        twin = Twin(
            parameters=parameters,
            port=port,
            stack_name=stack,
            template=read_template(template) if template else None,
            template_folder=template.absolute().parent if template else None,
            query_seconds=query_seconds,
            data=folder.path if folder else None,
            certificate=certificate,
            tls_port=tls_port,
            testbed=_testbed() if for_tests else None,
            rights="enforced" if enforce_iam else None,
        )
    except OSError as error:
        raise _port_taken(port, error) from error
    except StoreError as error:
        raise CommandError(str(error)) from error
    with _announcing(twin.endpoint_url, stack, folder, log_file) as is_ready:
        try:
            twin.start()
        except (ApiError, StoreError, TemplateError) as error:
            raise CommandError(f"the stack was not made: {error}") from error
        try:
            is_ready()
            for line in twin.left_out:
                click.echo(f"left out: {inert(line)}", err=True)
            ready = {
                "endpoint_url": twin.endpoint_url,
                "region": twin.region,
                "aws_access_key_id": ACCESS_KEY,
                "aws_secret_access_key": SECRET_KEY,
                "outputs": twin.outputs,
            }
            if certificate is not None:
                ready |= {"tls_endpoint_url": str(twin.tls_url), "ca_bundle": str(certificate.authority)}
            seconds, data = time.monotonic() - started, str(folder.path) if folder else None
            show_ready(ready, seconds=seconds, data=data, template=template, as_json=as_json, detached=False)
            redirect_output(log_file)
            stop.wait()
        finally:
            if folder is not None:
                # What is buffered lands first: the folder then holds it as objects, which any tool can read.
                twin.drain(60.0)
            twin.stop()


def _testbed() -> "Testbed":
    from infra.local.testbed import Testbed

    return Testbed()


def _stop_with_stdin(stop: threading.Event) -> None:
    """Ends the runtime when whoever started it is gone, however that came."""
    while sys.stdin.buffer.read(1):
        pass
    stop.set()


@contextmanager
def _announcing(
    endpoint_url: str, stack: str, folder: "DataFolder | None", log_file: Path | None
) -> Iterator[Callable[[], None]]:
    """Lets other commands find the runtime while this holds; yields what to call when it is ready."""
    from infra.local.runs import Announced, Run

    run = Run(
        pid=os.getpid(),
        port=int(endpoint_url.rpartition(":")[2]),
        started_at=time.time(),
        stack=stack,
        data=str(folder.path) if folder else None,
        log=str(log_file) if log_file else None,
    )
    try:
        announced = Announced(run)
    except OSError as error:
        click.echo(f"status, drain and down need to be told the port: {error.filename}: {error.strerror}", err=True)
        yield lambda: None
        return

    def is_ready() -> None:
        announced.ready()
        if folder is not None:
            folder.announce(endpoint_url)

    try:
        yield is_ready
    finally:
        announced.release()


def _port_taken(port: int, error: OSError) -> CommandError:
    from infra.local.runs import running

    run = next((run for run in running() if run.port == port), None)
    holder = f"a laptop runtime has it, process {run.pid}: streamkeeper down --port {port}" if run else error.strerror
    return CommandError(f"port {port} cannot be had ({holder}); try --port 0 for any free one")


def _parameters(given: tuple[str, ...]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in given]
    wrong = [name for name, equals, _ in pairs if not (name and equals)]
    if wrong:
        raise WrongUseError(f"--parameter {wrong[0]!r} is no NAME=VALUE; e.g. --parameter ShardCount=8")
    return {name: value for name, _, value in pairs}
