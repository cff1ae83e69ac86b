"""Another handler in a function's place for a while."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from infra.local.twin import Twin


@contextmanager
def handler_of(twin: Twin, output: str, handler: str, variables: Mapping[str, str] | None = None) -> Iterator[str]:
    """The function that an output of the stack names, with another handler and more variables; gives its name.

    The handler's module is one that the test itself can import.
    """
    name = twin.outputs[output]
    before = twin.client("lambda").get_function_configuration(FunctionName=name)
    environment = {"Variables": {**before["Environment"]["Variables"], **(variables or {})}}
    with configured(twin, name, Handler=handler, Environment=environment):
        yield name


@contextmanager
def configured(twin: Twin, name: str, **settings: Any) -> Iterator[None]:
    """A function with other settings, in a version of its own where a mapping calls the function by its alias."""
    lambda_: Any = twin.client("lambda")
    before = lambda_.get_function_configuration(FunctionName=name)
    aliases = lambda_.list_aliases(FunctionName=name)["Aliases"]
    lambda_.update_function_configuration(FunctionName=name, **settings)
    publish(twin, name)
    try:
        yield
    finally:
        for alias in aliases:
            lambda_.update_alias(FunctionName=name, Name=alias["Name"], FunctionVersion=alias["FunctionVersion"])
        lambda_.update_function_configuration(FunctionName=name, **{key: before[key] for key in settings})


def publish(twin: Twin, name: str) -> None:
    """Has the function's aliases point to a new version of it, which starts cold."""
    lambda_: Any = twin.client("lambda")
    aliases = lambda_.list_aliases(FunctionName=name)["Aliases"]
    if not aliases:
        return
    version = lambda_.publish_version(FunctionName=name)["Version"]
    for alias in aliases:
        lambda_.update_alias(FunctionName=name, Name=alias["Name"], FunctionVersion=version)


def log_of(twin: Twin, function: str) -> list[str]:
    """What a function has written, line by line."""
    group = twin.client("lambda").get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
    return [line.message for line in twin.logs.read(group)]
