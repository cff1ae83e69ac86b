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
    lambda_: Any = twin.client("lambda")
    name = twin.outputs[output]
    before = lambda_.get_function_configuration(FunctionName=name)
    environment = {"Variables": {**before["Environment"]["Variables"], **(variables or {})}}
    lambda_.update_function_configuration(FunctionName=name, Handler=handler, Environment=environment)
    try:
        yield name
    finally:
        lambda_.update_function_configuration(
            FunctionName=name, Handler=before["Handler"], Environment=before["Environment"]
        )


def log_of(twin: Twin, function: str) -> list[str]:
    """What a function has written, line by line."""
    group = twin.client("lambda").get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
    return [line.message for line in twin.logs.read(group)]
