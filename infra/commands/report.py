"""``streamkeeper report``: a ready-made question to Athena."""

import json
import time
from datetime import UTC, datetime

import click

from athena import reports
from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, WrongUseError, exit_codes_help
from glue.terminal.moment_option import MOMENT, MOMENT_HELP, Moment
from glue.terminal.moments import Period, in_utc
from glue.terminal.sanitize import inert
from infra.commands.query_options import asking, asks, show
from infra.commands.stack import Target, target


@command(
    epilog="""\b
Examples:
  streamkeeper report actions_by_hour --since 7d
  streamkeeper report labels_by --since 7d --param by=language
  streamkeeper report verdicts --since 24h --param label=spam --param action=block
  streamkeeper report top_authors --since 2026-11-01 --until 2026-11-08 --param limit=50 --csv

"""
    + exit_codes_help(failed="the query failed", also=(UNREACHABLE,), stopped="the query is stopped at Athena too"),
)
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="List the reports, what they answer and what they take.")
@click.option("--since", type=MOMENT, default="24h", show_default=True, help=f"From this moment on: {MOMENT_HELP}.")
@click.option("--until", type=MOMENT, default="now", show_default=True, help="Up to and without this moment.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the report; see --list.")
@asks
@click.pass_context
def report(
    context: click.Context,
    name: str | None,
    listed: bool,
    since: Moment,
    until: Moment,
    params: tuple[str, ...],
    form: str | None,
    stack: str,
    database: str | None,
    workgroup: str | None,
) -> None:
    """Answer a ready-made question: trends, labels, rules, authors, spikes, latency, quarantine, load; --list has all.

    Times are those at which content was created. Reports count current_verdicts: each event once.
    """
    if listed:
        _list(as_json=form == "json")
        return
    if name is None:
        raise WrongUseError(f"which report? There are {', '.join(reports.names())}; --list says what they answer")
    given = context.find_object(Target)
    now = given.now() if given else time.time()
    try:
        chosen = reports.load(name)
        period = Period(since.at(now), until.at(now))
        values: dict[str, reports.ParameterValue] = {"since": period.since, "until": period.until}
        values |= _parameters(chosen, params)
        chosen.literals(values)
    except ValueError as error:
        raise WrongUseError(str(error)) from error
    asked = target(context, stack=stack, database=database, workgroup=workgroup)
    with asking():
        answer = reports.run(chosen, values, asked.engine, database=asked.database, workgroup=asked.workgroup)
    click.echo(f"{chosen.title}: content created from {in_utc(period.since)} until {in_utc(period.until)}", err=True)
    units = {column.name: column.unit for column in chosen.columns}
    show(answer, form, units=[units.get(column.name, "") for column in answer.columns])
    if chosen.notes and form is None:
        click.echo(chosen.notes, err=True)
    click.echo(f"As of {in_utc(datetime.fromtimestamp(int(now), UTC))}; later arrivals may still add to it.", err=True)


def _parameters(chosen: reports.Report, params: tuple[str, ...]) -> dict[str, reports.ParameterValue]:
    known = {parameter.name: parameter for parameter in chosen.parameters if parameter.type != "timestamp"}
    found: dict[str, reports.ParameterValue] = {}
    for param in params:
        name, equals, value = param.partition("=")
        if not equals or name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none but --since and --until"
            raise ValueError(f"--param {param!r} is not a NAME=VALUE of {chosen.name}; {takes}")
        if name in found:
            raise ValueError(f"--param {name} is given twice")
        found[name] = known[name].read(value)
    return found


def _list(*, as_json: bool) -> None:
    every, unreadable = reports.every()
    for name, why in unreadable.items():
        click.echo(f"{inert(name)} is left out: {inert(why)}", err=True)
    if as_json:
        click.echo(json.dumps([_described(one) for one in every], ensure_ascii=False, indent=2))
        return
    for found in every:
        click.echo(f"{found.name}\n  {found.question}")
        for parameter in found.parameters:
            if parameter.type in ("integer", "choice"):
                value = "N" if parameter.type == "integer" else "CHOICE"
                allowed = f"{parameter.allowed}; default {parameter.default}"
                click.echo(f"  --param {parameter.name}={value}: {parameter.meaning} ({allowed})")
        if texts := [parameter.name for parameter in found.parameters if parameter.type == "text"]:
            click.echo(f"  --param {'|'.join(texts)}=TEXT narrows it down")


def _described(found: reports.Report) -> dict[str, object]:
    return {
        "name": found.name,
        "title": found.title,
        "question": found.question,
        "notes": found.notes,
        "reads": found.reads,
        "parameters": [
            {
                "name": one.name,
                "type": one.type,
                "meaning": one.meaning,
                "allowed": one.allowed,
                "default": one.default,
            }
            for one in found.parameters
        ],
        "columns": [{"name": one.name, "unit": one.unit, "meaning": one.meaning} for one in found.columns],
    }
