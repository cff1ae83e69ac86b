"""``streamkeeper dashboard``: the reports as pages in the browser, or as files."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click

from glue.aws.options import aws_options
from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, CommandError, WrongUseError, exit_codes_help
from glue.terminal.moment_option import MOMENT, MOMENT_HELP, Moment
from glue.terminal.progress import progress
from glue.terminal.signals import Stop, interruptible, stopping
from infra.commands.stack import STACK, target

PORT = 8600
AT_ONCE = 6


@command(
    epilog="""\b
Examples:
  streamkeeper dashboard
  streamkeeper dashboard --export site --since 28d && aws s3 sync site s3://BUCKET/moderation/

"""
    + exit_codes_help(failed="the query failed", also=(UNREACHABLE,), stopped="the query is stopped at Athena too"),
)
@click.option("--port", default=PORT, show_default=True, type=click.IntRange(0, 65535), help="0 takes any free port.")
@click.option("--export", "folder", type=click.Path(file_okay=False, path_type=Path), help="Write files here, and end.")
@click.option("--since", type=MOMENT, default="24h", show_default=True, help=f"With --export: {MOMENT_HELP}.")
@click.option("--until", type=MOMENT, default="now", show_default=True, help="With --export: up to this moment.")
@click.option(
    "--drill-downs",
    default=60,
    show_default=True,
    type=click.IntRange(0, 2000),
    help="With --export: how many pages of the verdicts behind numbers.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON line: the address, or the files written.")
@click.option("--stack", default=STACK, show_default=True, envvar="STREAMKEEPER_STACK", help="Which stack to ask.")
@click.option("--database", default=None, help="Another Glue database than the stack's.")
@click.option("--workgroup", default=None, help="Another Athena workgroup than the stack's.")
@aws_options
@click.pass_context
def dashboard(
    context: click.Context,
    port: int,
    folder: Path | None,
    since: Moment,
    until: Moment,
    drill_downs: int,
    as_json: bool,
    stack: str,
    database: str | None,
    workgroup: str | None,
) -> None:
    """Look at trends, labels, surfaces, rules, authors, the pipeline's health, and the verdicts behind every number.

    Serves pages to this machine's browser until Ctrl-C, or writes them as files that need no server. Everything is
    asked of Athena, on the laptop runtime or on AWS; excerpts have personal data masked. Pages hold no script.
    """
    # Imported here: other commands need not wait for it.
    from athena.dashboard.export import export
    from athena.dashboard.filters import FilterError, Filters
    from athena.dashboard.lake import Lake
    from athena.dashboard.serving import PortTakenError, serving

    asked = target(context, stack=stack, database=database, workgroup=workgroup)
    with ThreadPoolExecutor(AT_ONCE, "dashboard") as pool:
        lake = Lake(asked.engine, database=asked.database, workgroup=asked.workgroup, pool=pool, now=asked.now)
        if folder is not None:
            filters = Filters(since=since.text, until=until.text)
            try:
                with progress("writing", unit="files") as advance:
                    written = export(
                        lake,
                        folder,
                        filters,
                        drill_downs=drill_downs,
                        progress=lambda done, of: advance(done, total=of),
                    )
            except FilterError as error:
                raise WrongUseError(str(error)) from error
            except OSError as error:
                raise CommandError(f"{folder} cannot be written: {error.strerror}; give another --export") from error
            if lake.failures:
                # A script must not go on and publish pages of which some say only that there is no answer.
                why = "; ".join(f"{name}: {failure}" for name, failure in sorted(lake.failures.items()))
                raise CommandError(f"{len(written)} files are in {folder}, but not every query was answered: {why}")
            if as_json:
                click.echo(json.dumps({"files": [str(path) for path in written]}))
            else:
                click.echo(f"{len(written)} files in {folder}; begin with {folder / 'index.html'}")
            return
        try:
            with serving(lake, port=port) as (url, serve):
                click.echo(json.dumps({"url": url}) if as_json else f"The dashboard is at {url} until Ctrl-C.")
                threading.Thread(target=serve, daemon=True).start()
                try:
                    # By signals of its own: a shell that starts it in the background has Ctrl-C ignored.
                    with stopping(Stop()), interruptible():
                        threading.Event().wait()
                except KeyboardInterrupt:
                    click.echo("Stopped.", err=True)
        except PortTakenError as error:
            raise CommandError(f"{error}; another dashboard may be running, or give another --port") from error
