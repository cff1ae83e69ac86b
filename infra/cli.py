"""``streamkeeper``: the pipeline's command line, on a laptop and on AWS alike."""

import importlib

import click

from glue.terminal.commands import Group
from glue.terminal.errors import EXIT_CODES
from infra.commands import COMMANDS


class _Commands(Group):
    """Loads a command's module when it is called, so that ``--help`` does not wait for what it does not need."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"infra.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


_CODES = "\n".join(f"  {code:<3}  {meaning}" for code, meaning in EXIT_CODES.items())


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=f"""\b
Examples:
  streamkeeper demo
  streamkeeper produce --help

On AWS, leave AWS_ENDPOINT_URL unset and configure credentials.

\b
Exit codes of every command:
{_CODES}""",
)
@click.version_option(package_name="streamkeeper")
def streamkeeper() -> None:
    """Moderates a stream of user content on AWS and answers, in SQL, what happened to it."""


def main() -> None:
    """Runs the command line."""
    streamkeeper()
