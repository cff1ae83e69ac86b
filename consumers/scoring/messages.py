"""A request and its answer, whatever carried them."""

from collections.abc import Generator, Mapping

from msgspec import Struct


class Request(Struct, frozen=True):
    """One HTTP request.

    Args:
        method: in capitals.
        path: still percent-encoded, from the first slash on.
        query: what stands behind the question mark, still percent-encoded.
        headers: by name in lower case.
        body: the whole body.
        origin: scheme, host and port that the caller used, such as ``http://127.0.0.1:8700``, and what its paths
            begin with where the service does not lie at the root.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    origin: str = "http://localhost"


class Response(Struct, frozen=True):
    """What is answered.

    Args:
        status: of HTTP.
        body: the whole body.
        headers: names in lower case, with their values.
        route: which of the routes answered, for logs and metrics; never what the caller wrote.
        client: whose key it was; empty: nobody's.
        texts: how many texts were scored.
    """

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    route: str = "unknown"
    client: str = ""
    texts: int = 0


Steps = Generator[None, None, Response]
"""Work that pauses between texts, so that a server can see to others; what it gives in the end is the answer."""

JSON = ("content-type", "application/json; charset=UTF-8")


def finish(steps: Steps) -> Response:
    """The answer, without pauses."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            response: Response = stop.value
            return response
