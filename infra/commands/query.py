"""``streamkeeper query``: one statement to Athena, its answer on the terminal."""

import sys

import click

from athena.values import text_literal
from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, WrongUseError, exit_codes_help
from infra.commands.query_options import asking, asks, show
from infra.commands.stack import target


@command(
    epilog="""\b
Example:
  streamkeeper query "SELECT action, count(*) AS events FROM current_verdicts
    WHERE dt = ? GROUP BY action" --param 2026-11-20

"""
    + exit_codes_help(failed="the query failed", also=(UNREACHABLE,), stopped="the query is stopped at Athena too"),
)
@click.argument("sql")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="TEXT",
    help="A value for the next ? in the WHERE clause, by place; repeat for more (`report` takes NAME=VALUE instead). "
    "Always a text: write CAST(? AS integer) or CAST(? AS timestamp) for another type.",
)
@asks
@click.pass_context
def query(
    context: click.Context,
    sql: str,
    params: tuple[str, ...],
    form: str | None,
    stack: str,
    database: str | None,
    workgroup: str | None,
) -> None:
    """Ask Athena in SQL: one statement in its dialect, - reads it from standard input.

    Count current_verdicts, which holds each event once, and give days by dt: Athena bills by what it reads.
    The answer goes to standard output, bytes scanned and time to standard error.
    """
    statement = sys.stdin.read() if sql == "-" else sql
    if not statement.strip():
        raise WrongUseError("the statement is empty")
    try:
        statement.encode()
    except UnicodeEncodeError:
        raise WrongUseError("the statement is not valid UTF-8") from None
    try:
        literals = [text_literal(param) for param in params]
    except ValueError as error:
        raise WrongUseError(f"--param: {error}") from error
    asked = target(context, stack=stack, database=database, workgroup=workgroup)
    with asking():
        answer = asked.engine.run(statement, literals, database=asked.database, workgroup=asked.workgroup)
    show(answer, form)
