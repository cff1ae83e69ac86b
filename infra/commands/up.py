"""``streamkeeper up``: keeps the laptop runtime running."""

import json
import signal
import threading
import time
from pathlib import Path
from types import FrameType

import click

from glue.terminal.commands import command
from glue.terminal.errors import CommandError, WrongUseError, exit_codes_help

PORT = 4566
SAVE_EVERY_S = 5.0


@command(
    epilog="""\b
Examples:
  streamkeeper up
  streamkeeper up --port 0 --parameter ShardCount=8 --json
  streamkeeper up --data .streamkeeper/demo      (what the demo made, to be asked again)

"""
    + exit_codes_help(done="stopped by Ctrl-C or SIGTERM", failed="the stack cannot be made, or the port is taken")
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
    help="Folder in which the objects of S3 outlive the runtime, as files. Without it nothing is kept.",
)
@click.option("--json", "as_json", is_flag=True, help="When ready, print one JSON line: endpoint_url, region, outputs.")
def up(*, port: int, given: tuple[str, ...], stack: str, data: Path | None, as_json: bool) -> None:
    """Run the whole pipeline on this machine, from the AWS template, until Ctrl-C.

    Other programs reach it through the lines it prints: the aws command line, boto3, awswrangler, and every
    streamkeeper command.
    """
    from infra.local.cloudformation.intrinsics import TemplateError
    from infra.local.errors import ApiError
    from infra.local.mirror import Mirror
    from infra.local.twin import Twin

    started = time.monotonic()
    stop = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGINT, end)
    signal.signal(signal.SIGTERM, end)
    try:
        twin = Twin(parameters=_parameters(given), port=port, stack_name=stack)
    except OSError as error:
        raise CommandError(f"port {port} cannot be had ({error.strerror}); try --port 0 for any free one") from error
    try:
        twin.start()
    except (ApiError, TemplateError) as error:
        raise CommandError(f"the stack was not made: {error}") from error
    mirror = Mirror(data, twin.beneath) if data is not None else None
    try:
        if mirror is not None:
            mirror.load()
        if as_json:
            ready = {"endpoint_url": twin.endpoint_url, "region": twin.region, "outputs": twin.outputs}
            click.echo(json.dumps(ready))
        else:
            _print_ready(twin, time.monotonic() - started, data)
        while not stop.wait(SAVE_EVERY_S):
            if mirror is not None:
                mirror.save()
    finally:
        if mirror is not None:
            # What is buffered lands first: the folder then holds all that was accepted.
            twin.drain(60.0)
            mirror.save()
        twin.stop()


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
    click.echo("export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test")
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
        + (f"Objects of S3 are kept in {data}. " if data else "Nothing is kept when it stops. ")
        + "Ctrl-C stops it."
    )
