"""Requests to receivers of all kinds: honest ones, slow ones, large ones, and those that point inside."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consumers.aws.https_post import HttpsPost, is_public
from consumers.webhooks.ports import UnreachableError
from glue.webhooks import MAX_ANSWER_BYTES
from infra.certificate import certificate_for

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n" + b'{"done": "none"}'


class Receiver:
    """A server that reads one request and then says what it is told to, piece by piece."""

    def __init__(self, pieces: list[bytes], *, trickle: bool = False, context: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self._pieces, self._trickle, self._context = pieces, trickle, context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with suppress(OSError), connection:
                served = self._context.wrap_socket(connection, server_side=True) if self._context else connection
                request = b""
                while b"\r\n\r\n" not in request or not request.endswith(b"}"):
                    request += served.recv(65536)
                self.requests.append(request)
                for piece in self._pieces:
                    served.sendall(piece)
                while self._trickle and not self._over.wait(0.01):
                    served.sendall(b"x")
                served.close()

    def close(self) -> None:
        self._over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@contextmanager
def receiver(*pieces: bytes, **options: Any) -> Iterator[Receiver]:
    running = Receiver(list(pieces), **options)
    try:
        yield running
    finally:
        running.close()


def post(port: int, *, timeout: float = 600.0, path: str = "/hook") -> Any:
    return HttpsPost(timeout=timeout, addresses="any")(f"http://127.0.0.1:{port}{path}", {"x-a": "1"}, b"{}")


def test_the_answer_is_given_with_its_body() -> None:
    with receiver(OK) as running:
        reply = post(running.port, path="/hook?a=1")
    assert (reply.status, reply.body) == (200, b'{"done": "none"}')
    assert running.requests[0].startswith(b"POST /hook?a=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{running.port}".encode() in running.requests[0]


def test_a_redirect_is_not_followed() -> None:
    with receiver(OK) as inside:
        moved = f"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:{inside.port}/\r\ncontent-length: 0\r\n\r\n"
        with receiver(moved.encode()) as running:
            assert post(running.port).status == 307
        assert inside.requests == []


def test_an_answer_without_an_end_is_read_so_far_and_no_further() -> None:
    with receiver(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000) as running:
        assert len(post(running.port).body) == MAX_ANSWER_BYTES


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nx-slow: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_who_sends_a_byte_now_and_then_does_not_hold_the_function(begin: bytes) -> None:
    with (
        receiver(begin, trickle=True) as running,
        pytest.raises(UnreachableError, match="timeout"),
    ):
        post(running.port, timeout=0.3)


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [((), "no_http"), ((b"garbage\r\n\r\n",), "no_http"), ((b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000,), "no_http")],
)
def test_what_is_no_http_has_a_reason(pieces: tuple[bytes, ...], reason: str) -> None:
    with receiver(*pieces) as running, pytest.raises(UnreachableError) as error:
        post(running.port)
    assert error.value.reason in {reason, "connection"}


def test_nobody_at_the_address_is_a_reason() -> None:
    with receiver(OK) as running:
        port = running.port
    with pytest.raises(UnreachableError, match="connection"):
        post(port)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.org/", "https://", "https://user:pw@example.org/", "https://[::1", "https://a.example:99999/"),
        *("https://a.example/\r\nx: y", "", "file:///etc/passwd", "https://a.example:x/"),
    ],
)
def test_a_bad_address_is_asked_nothing(url: str) -> None:
    def resolve(*given: Any, **named: Any) -> Any:
        return [(None, None, None, "", ("127.0.0.1", 9))]

    with pytest.raises(UnreachableError):
        HttpsPost(timeout=5, resolve=resolve)(url, {}, b"{}")


@pytest.mark.parametrize(
    "found",
    [
        *(
            ["127.0.0.1"],
            ["10.1.2.3"],
            ["172.16.0.1"],
            ["192.168.1.1"],
            ["169.254.169.254"],
            ["100.64.0.1"],
            ["0.0.0.0"],
        ),
        *(
            ["::1"],
            ["fe80::1%eth0"],
            ["fd00::1"],
            ["::ffff:10.0.0.1"],
            ["64:ff9b::a00:1"],
            ["93.184.215.14", "10.0.0.1"],
        ),
        *(["255.255.255.255"], ["224.0.0.1"], ["192.0.2.1"]),
    ],
)
def test_no_name_leads_inside(found: list[str]) -> None:
    def resolve(*given: Any, **named: Any) -> Any:
        return [(None, None, None, "", (address, 443)) for address in found]

    with pytest.raises(UnreachableError, match="address_not_allowed"):
        HttpsPost(timeout=5, resolve=resolve)("https://shop.example/hook", {}, b"{}")
    assert not all(map(is_public, found))


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost", "0"])
def test_no_way_of_writing_an_address_leads_inside(host: str) -> None:
    with pytest.raises(UnreachableError):
        HttpsPost(timeout=5)(f"https://{host}/hook", {}, b"{}")


def test_without_tls_nothing_is_sent_unless_that_is_allowed() -> None:
    with receiver(OK) as running, pytest.raises(UnreachableError, match="not_https"):
        HttpsPost(timeout=5)(f"http://127.0.0.1:{running.port}/", {}, b"{}")


def test_a_receiver_shows_a_certificate_for_its_own_name(tmp_path: Path) -> None:
    certificate = certificate_for("shop.example", tmp_path, now=datetime.now(UTC))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(certificate.chain, certificate.key)
    trusted = ssl.create_default_context(cafile=str(certificate.authority))

    def resolve(*given: Any, **named: Any) -> Any:
        return [(None, None, None, "", ("127.0.0.1", 0))]

    with receiver(OK, context=served) as running:
        own = HttpsPost(timeout=600, addresses="any", resolve=resolve, context=trusted)
        assert own(f"https://shop.example:{running.port}/hook", {}, b"{}").status == 200
        assert f"Host: shop.example:{running.port}".encode() in running.requests[0]
        with pytest.raises(UnreachableError, match="certificate"):
            own(f"https://other.example:{running.port}/hook", {}, b"{}")
        with pytest.raises(UnreachableError, match="certificate"):
            HttpsPost(timeout=600, addresses="any", resolve=resolve)(f"https://shop.example:{running.port}/", {}, b"{}")
        assert len(running.requests) == 1
