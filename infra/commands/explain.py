"""``streamkeeper explain``: why a shard does not move, in words."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click
import msgspec
from msgspec import Struct

from glue.aws.options import AWS_OPTIONS
from glue.aws.settings import aws_settings
from glue.terminal.commands import command
from glue.terminal.errors import UNREACHABLE, UnreachableError, exit_codes_help
from glue.terminal.requests import takes
from infra.commands.stack import STACK, output, outputs
from infra.local.asking import NotThereError, Runtime
from infra.local.runs import running
from infra.operating.explaining import Facts
from infra.operating.explaining import explain as explanation_of


class ExplainRequest(Struct, frozen=True):
    """Whose mappings."""

    stack: str
    function: str | None
    as_json: bool


@command(
    epilog="""\b
Examples:
  streamkeeper explain
  streamkeeper explain --function orders-book --json

"""
    + exit_codes_help(done="it moves", failed="something does not move, or batches were given up", also=(UNREACHABLE,))
)
@takes(
    ExplainRequest,
    click.option("--stack", default=STACK, show_default=True, envvar="STREAMKEEPER_STACK", help="Which stack."),
    click.option("--function", metavar="NAME", help="Another function than the stack's consumer, of any stack."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document: what was found, and what it means."),
    *AWS_OPTIONS,
)
def explain(context: click.Context, request: ExplainRequest) -> None:
    """Say why a shard does not move: which record, which error, what is left of retries and age, what comes next.

    On the laptop runtime it knows each batch. On AWS it looks at the event source mapping, the function's metrics and
    log of the last minutes, and the dead letters of today and yesterday.
    """
    found = _facts(request)
    answers = [(facts, explanation_of(facts)) for facts in found]
    if request.as_json:
        documents = [{**msgspec.to_builtins(facts), **msgspec.to_builtins(said)} for facts, said in answers]
        click.echo(json.dumps(documents))
    else:
        for _, said in answers:
            click.echo("\n".join(said.lines))
    context.exit(1 if any(said.stuck for _, said in answers) else 0)


def _facts(request: ExplainRequest) -> list[Facts]:
    from athena.aws.engine import failure_of
    from glue.aws.clients import make_client
    from glue.aws.errors import AWS_ERRORS
    from infra.operating.facts import Clients, find_facts

    function = request.function or output(
        outputs(request.stack), "ModerateFunctionName", stack=request.stack, instead="name a function: --function NAME"
    )
    clients = Clients(make_client, AWS_ERRORS)
    try:
        found = find_facts(clients, function, now=datetime.now(UTC), shards=_shards(make_client("kinesis")))
    except AWS_ERRORS as error:
        raise UnreachableError(f"function {function!r}: {failure_of(error)}") from error
    if not found:
        raise UnreachableError(f"function {function!r} reads no Kinesis stream; name another with --function")
    return found


def _shards(client: Any) -> Mapping[tuple[str, str], Mapping[str, Any]] | None:
    """By function and stream, what the laptop runtime knows of each shard; None when it is AWS that is asked."""
    url = str(client.meta.endpoint_url)
    is_ours = aws_settings().endpoint_url is not None or url.startswith(("http://127.0.0.1:", "http://localhost:"))
    if not is_ours and not any(run.endpoint_url == url for run in running()):
        return None
    try:
        state = Runtime(url).state()
    except NotThereError:
        return None
    return {(mapping["function"], mapping["stream"]): mapping["shards"] for mapping in state["mappings"].values()}
