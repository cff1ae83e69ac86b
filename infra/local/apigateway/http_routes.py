"""Routes of an HTTP API: which of them a request takes.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

from infra.local.errors import ApiError

DEFAULT: Final = "$default"
_METHODS: Final = frozenset({"ANY", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_PART: Final = re.compile(r"\{([A-Za-z0-9._-]+)(\+?)\}")


class HttpRoute(Struct, frozen=True):
    """A route.

    Args:
        key: ``GET /pets/{id}``, ``ANY /{proxy+}`` or ``$default``.
        function: the ARN of what answers.
    """

    key: str
    function: str

    @property
    def place(self) -> str:
        """As an ARN ends that names the route, with a slash before it.

        >>> HttpRoute("GET /pets/{id}", "").place, HttpRoute("$default", "").place
        ('/GET/pets/{id}', '/$default')
        """
        method, _, path = self.key.partition(" ")
        return f"/{method}{path}"


def check(key: str) -> str:
    """The key of a route, as it is.

    Raises:
        ApiError: BadRequestException: it is none.
    """
    method, _, path = key.partition(" ")
    parts = path.split("/")
    is_good = method in _METHODS and path.startswith("/") and not any("+}" in part for part in parts[:-1])
    if key != DEFAULT and not is_good:
        raise ApiError(
            "BadRequestException",
            f"The provided route key is not formatted properly: {key[:100]!r}; allowed: $default, or a method or ANY, "
            "a space and a path",
        )
    return key


def choose(routes: Iterable[HttpRoute], method: str, path: str) -> tuple[HttpRoute, dict[str, str]] | None:
    """The route for a request, with the parameters in its path: the one that says most of it.

    Args:
        path: as sent, from the first slash on.

    >>> routes = [HttpRoute(key, "") for key in ("$default", "ANY /pets/{proxy+}", "GET /pets/{id}")]
    >>> [choose(routes, *asked)[0].key for asked in (("GET", "/pets/1"), ("POST", "/pets/1"), ("GET", "/"))]
    ['GET /pets/{id}', 'ANY /pets/{proxy+}', '$default']
    """
    best: tuple[tuple[int, ...], HttpRoute, dict[str, str]] | None = None
    for route in routes:
        found = _match(route.key, method, path)
        if found is not None and (best is None or found[0] > best[0]):
            best = (found[0], route, found[1])
    return best and best[1:]


def _match(key: str, method: str, path: str) -> tuple[tuple[int, ...], dict[str, str]] | None:
    """How well a route fits, to be compared, and the parameters; None: it does not."""
    if key == DEFAULT:
        return (0,), {}
    wanted_method, _, wanted_path = key.partition(" ")
    if wanted_method not in ("ANY", method):
        return None
    wanted, given = wanted_path.split("/"), path.split("/")
    parameters: dict[str, str] = {}
    fixed = 0
    for at, part in enumerate(wanted):
        named = _PART.fullmatch(part)
        if named and named[2]:
            rest = "/".join(given[at:])
            if not rest:
                return None
            parameters[named[1]] = unquote(rest)
            return (1, fixed, wanted_method == method), parameters
        if at >= len(given) or (given[at] == "" if named else unquote(given[at]) != part):
            return None
        if named:
            parameters[named[1]] = unquote(given[at])
        else:
            fixed += 1
    if len(given) != len(wanted):
        return None
    return (2, fixed, wanted_method == method), parameters
