"""What a command was asked for as one frozen value, made of its options."""

from collections.abc import Callable, Mapping
from functools import update_wrapper
from typing import Any, TypeVar

import click
import msgspec
from msgspec import Struct

Request = TypeVar("Request", bound=Struct)
Option = Callable[[Any], Any]
"""What ``click.option`` and ``click.argument`` give."""


def takes(
    request: type[Request], *options: Option
) -> Callable[[Callable[[click.Context, Request], None]], Callable[..., None]]:
    """Makes a function of a context and a request into one that click can call with the options' values.

    Args:
        request: a field for each option, by the option's name. Fields that are structs themselves take those of their
            own names: that is how several commands share a group of options.
        options: in the order of the help.
    """

    def dress(function: Callable[[click.Context, Request], None]) -> Callable[..., None]:
        def run(context: click.Context, /, **values: Any) -> None:
            function(context, make_request(request, values))

        dressed: Any = click.pass_context(update_wrapper(run, function))
        for option in reversed(options):
            dressed = option(dressed)
        return dressed  # type: ignore[no-any-return]

    return dress


def make_request(request: type[Request], values: Mapping[str, Any]) -> Request:
    """The request that these values make.

    Raises:
        TypeError: a value belongs to no field, or a field got none: options and struct do not fit together.

    >>> class Page(Struct, frozen=True):
    ...     limit: int
    >>> class Listing(Struct, frozen=True):
    ...     name: str
    ...     page: Page
    >>> make_request(Listing, {"name": "a", "limit": 3})
    Listing(name='a', page=Page(limit=3))
    """
    left = dict(values)
    made = _made(request, left)
    if left:
        raise TypeError(f"{request.__name__} has no field {', '.join(sorted(left))}")
    return made


def _made(request: type[Request], left: dict[str, Any]) -> Request:
    given: dict[str, Any] = {}
    for field in msgspec.structs.fields(request):
        if field.name in left:
            given[field.name] = left.pop(field.name)
        elif isinstance(field.type, type) and issubclass(field.type, Struct):
            given[field.name] = _made(field.type, left)
    return request(**given)
