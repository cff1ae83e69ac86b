"""``streamkeeper``: one door to the pipeline, on a laptop and on AWS alike."""

import importlib
import sys

import click

_COMMANDS = {
    "demo": "The whole pipeline on this machine, once, with figures.",
    "up": "Keep the laptop runtime running; prints how to reach it.",
    "produce": "Put content on the stream, from files or made up.",
    "load": "Put a load on the stream: a rate that follows a profile, with gates.",
    "replay": "Send again what was on the stream; counted once, told to nobody.",
    "redrive": "Bring back what was quarantined, or what Lambda gave up on.",
    "spool": "Events accepted onto a disk and not yet in the stream: look, or send them.",
    "policy": "Check, show, try, compare and publish policies.",
    "evaluate": "How well a policy tells labelled texts apart, with intervals.",
    "train": "Make weights for the linear model from labelled texts.",
    "query": "Ask Athena in SQL.",
    "audit": "Is everything that arrived accounted for? Names what is not.",
    "report": "A ready-made answer: trends, labels, rules, authors, spikes, latency, load.",
    "dashboard": "The reports as pages in the browser, or as files.",
}


class _Commands(click.Group):
    """Loads a command's module when it is called, so that ``--help`` does not wait for what it does not need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"infra.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Example: streamkeeper demo. On AWS, leave AWS_ENDPOINT_URL unset and have credentials at hand.",
)
@click.version_option(package_name="streamkeeper")
def streamkeeper() -> None:
    """Moderates a stream of user content on AWS and answers, in SQL, what happened to it."""


def main() -> None:
    """Runs the command line. Exit code 0: success; 1: the result asks for attention; 2: wrong use."""
    sys.exit(streamkeeper())
