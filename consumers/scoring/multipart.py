"""Batches of Google's APIs: ``multipart/mixed`` whose parts are HTTP requests, and such an answer.

Source: https://developers.google.com/discovery/v1/batch
"""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from msgspec import Struct

from consumers.scoring.errors import FormError
from consumers.scoring.messages import Response

MAX_PARTS = 1000
_HEADER_BYTES = 128 * 1024
"""Of one part: ids may be whole texts, percent-encoded."""


class Part(Struct, frozen=True):
    """One request of a batch.

    Args:
        content_id: as the caller named it; empty: not at all.
        method, path, query: of its request line.
        headers: by name in lower case.
        body: its body.
    """

    content_id: str
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def _refused(message: str) -> FormError:
    return FormError(400, "INVALID_ARGUMENT", message)


def boundary_of(content_type: str) -> bytes:
    """The boundary that a content type names.

    Raises:
        FormError: it names none.

    >>> boundary_of('multipart/mixed; boundary="==x=="')
    b'==x=='
    """
    kind, _, parameters = content_type.partition(";")
    if kind.strip().lower() == "multipart/mixed":
        for parameter in parameters.split(";"):
            name, _, value = parameter.partition("=")
            boundary = value.strip().strip('"')
            if name.strip().lower() == "boundary" and 0 < len(boundary) <= 200 and boundary.isascii():
                return boundary.encode()
    raise _refused("A batch is sent as multipart/mixed with a boundary.")


def read(body: bytes, boundary: bytes) -> list[Part]:
    """The requests of a batch.

    Args:
        body: the whole body.
        boundary: what separates its parts.

    Raises:
        FormError: it is not such a body, or has too many parts.
    """
    delimiter = b"--" + boundary
    pieces = (b"\n" + body).split(b"\n" + delimiter, MAX_PARTS + 2)
    if len(pieces) > MAX_PARTS + 2:
        raise _refused(f"A batch holds more than {MAX_PARTS} requests.")
    parts = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        parts.append(_part(piece))
    if not parts:
        raise _refused("A batch holds at least one request.")
    if len(parts) > MAX_PARTS:
        raise _refused(f"A batch holds more than {MAX_PARTS} requests.")
    return parts


def _part(piece: bytes) -> Part:
    outer, inner = _split(piece.lstrip(b" \t").removeprefix(b"\r\n").removeprefix(b"\n"))
    content_id = _headers(outer).get("content-id", "")
    first, _, rest = inner.lstrip(b"\r\n").partition(b"\n")
    words = first.decode("latin-1").split()
    if len(words) < 2:
        raise _refused("A part of a batch is no HTTP request.")
    method, target = words[0], words[1]
    if "://" in target.partition("?")[0]:
        target = "/" + target.partition("://")[2].partition("/")[2]
    head, body = _split(rest)
    path, _, query = target.partition("?")
    return Part(content_id, method.upper(), path, query, _headers(head), body.removesuffix(b"\n").removesuffix(b"\r"))


def _split(data: bytes) -> tuple[bytes, bytes]:
    """What stands before the first empty line, and what stands behind it."""
    for empty in (b"\r\n", b"\n"):
        if data.startswith(empty):
            return b"", data[len(empty) :]
    ends = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := data.find(mark, 0, _HEADER_BYTES)) >= 0]
    if not ends:
        return data[:_HEADER_BYTES], b""
    at, length = min(ends)
    return data[:at], data[at + length :]


def _headers(head: bytes) -> dict[str, str]:
    """Headers by name; one that was folded over lines is unfolded to one blank for each fold."""
    lines: list[str] = []
    for line in head.decode("latin-1").split("\n"):
        text = line.rstrip("\r")
        if text[:1] in (" ", "\t") and lines:
            lines[-1] += " " + text.strip()
        elif text:
            lines.append(text)
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def write(answers: Iterable[tuple[str, Response]], boundary: str) -> bytes:
    """The body that answers a batch.

    Args:
        answers: by the requests' ids, in their order.
        boundary: what separates the parts; in none of them.
    """
    out: list[bytes] = []
    for content_id, answer in answers:
        head = [f"--{boundary}", "Content-Type: application/http"]
        if content_id:
            head.append(f"Content-ID: {response_id(content_id)}")
        phrase = HTTPStatus(answer.status).phrase
        head += ["", f"HTTP/1.1 {answer.status} {phrase}"]
        head += [f"{name.title()}: {value}" for name, value in answer.headers]
        head += [f"Content-Length: {len(answer.body)}", "", ""]
        out += ["\r\n".join(head).encode("latin-1", "replace"), answer.body, b"\r\n"]
    out.append(f"--{boundary}--\r\n".encode())
    return b"".join(out)


def response_id(content_id: str) -> str:
    """The id of an answer.

    >>> response_id("<b29c + 1>"), response_id("plain")
    ('<response-b29c + 1>', 'response-plain')
    """
    return f"<response-{content_id[1:]}" if content_id.startswith("<") else f"response-{content_id}"


def boundary_for(bodies: Sequence[bytes]) -> str:
    """A boundary that stands in none of these bodies."""
    number = 0
    while any(f"--batch_{number}".encode() in body for body in bodies):
        number += 1
    return f"batch_{number}"
