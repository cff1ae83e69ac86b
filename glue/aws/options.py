"""``--region``, ``--endpoint-url`` and ``--profile``: the options of every command that talks to AWS."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import click

from glue.aws.settings import ALLOWED_ENDPOINT, AwsSettings, is_endpoint, using
from glue.terminal.errors import WrongUseError

Command = TypeVar("Command", bound=Callable[..., Any])


def _use(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    if parameter.name == "endpoint_url" and not is_endpoint(value):
        raise WrongUseError(f"--endpoint-url is {value!r}; allowed: {ALLOWED_ENDPOINT}")
    context.with_resource(using(AwsSettings(**{str(parameter.name): value})))


AWS_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--region", metavar="NAME", expose_value=False, callback=_use, help="The AWS region; overrides AWS_REGION."
    ),
    click.option(
        "--endpoint-url",
        metavar="URL",
        expose_value=False,
        callback=_use,
        help="The endpoint to use instead of AWS, such as http://localhost:4566; overrides AWS_ENDPOINT_URL.",
    ),
    click.option(
        "--profile", metavar="NAME", expose_value=False, callback=_use, help="The AWS profile; overrides AWS_PROFILE."
    ),
)


def aws_options(command: Command) -> Command:
    """The command with these options; what they say holds for every client that is made while it runs."""
    dressed: Any = command
    for option in reversed(AWS_OPTIONS):
        dressed = option(dressed)
    return cast(Command, dressed)
