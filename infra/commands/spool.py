"""``streamkeeper spool``: the producers' command, which here also finds the stream by its stack."""

import click

from glue.terminal.commands import examples_help, group
from infra.commands.stack import output, outputs
from producers.commands.spool import World, flush_command, status_command


def _stream_of(stack: str) -> str:
    return output(outputs(stack), "ContentStreamName", stack=stack)


@group(
    epilog=examples_help(
        "streamkeeper spool status /var/spool/streamkeeper", "streamkeeper spool flush /var/spool/streamkeeper"
    ),
    commands=[status_command, flush_command],
)
@click.pass_context
def spool(context: click.Context) -> None:
    """Events that were accepted onto a disk and are not yet in the stream.

    `produce --spool DIR` and `load --spool DIR` accept events there first: what was accepted survives a crash, a kill
    and a stream that cannot be reached.
    """
    if context.obj is None:
        context.obj = World(stream_of=_stream_of)
