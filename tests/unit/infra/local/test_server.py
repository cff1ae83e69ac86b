"""The server on the line: what it takes, what it refuses, and that nothing of it is left when it stops."""

import contextlib
import http.client
import json
import socket
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.certificate import certificate_for
from infra.local.native_threads import native_threads
from infra.local.server import LoopbackServer

# Clients ask the clock of the machine whether a certificate is valid.
NOW = datetime.now(UTC)


def echo(environ: Any, start_response: Any) -> list[bytes]:
    """Says what it was asked."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    seen = {name: value for name, value in environ.items() if name.startswith(("HTTP_", "RAW_", "PATH_", "SERVER_P"))}
    kept = next((value for name, value in environ.items() if "moto" in name), {})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({**seen, "body": body.decode("latin-1"), "kept": kept}).encode()]


@pytest.fixture(scope="module")
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(echo) as server:
        yield server


def talk(server: LoopbackServer, *parts: bytes) -> bytes:
    """What comes back for bytes put on the line until the server closes it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as line:
        for part in parts:
            line.sendall(part)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while piece := line.recv(65_536):
                answer += piece
        return answer


def ask(server: LoopbackServer, head: str, body: bytes = b"") -> Any:
    """The echo of one request; the head without its last empty line."""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    answer = talk(server, f"{head}\r\nHost: localhost\r\nConnection: close\r\n{length}\r\n".encode("latin-1") + body)
    return json.loads(answer.partition(b"\r\n\r\n")[2])


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
CLOSE = b"Connection: close\r\n\r\n"


# ------------------------------------------------------------------------------------------------ HTTP/1.1


def test_two_requests_share_a_connection(server: LoopbackServer) -> None:
    assert talk(server, GET + b"\r\n" + GET + CLOSE).count(b"HTTP/1.1 200 OK") == 2


def test_a_body_nobody_reads_does_not_spoil_the_next_request() -> None:
    def deaf(environ: Any, start_response: Any) -> list[bytes]:
        start_response("404 Not Found", [])
        return []

    with LoopbackServer(deaf) as server:
        unread = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nabcd"
        assert talk(server, unread + GET + CLOSE).count(b"HTTP/1.1 404") == 2


def test_a_chunked_body_is_put_together(server: LoopbackServer) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
    assert b'"body": "{\\"a\\":1}"' in talk(server, head + CLOSE + b'4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n')


def test_a_body_that_was_cut_short_is_no_request(server: LoopbackServer) -> None:
    asked: list[str] = []

    def note(environ: Any, start_response: Any) -> list[bytes]:
        asked.append(environ["PATH_INFO"])
        return echo(environ, start_response)

    with LoopbackServer(note) as server:
        for head in (b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", b"Content-Length: 9\r\n\r\nabcde"):
            with socket.create_connection(("127.0.0.1", server.port), timeout=600) as line:
                line.sendall(b"POST /cut HTTP/1.1\r\nHost: localhost\r\n" + head)
        talk(server, b"GET /whole HTTP/1.1\r\nHost: localhost\r\n" + CLOSE)
    assert asked == ["/whole"]


def test_who_asks_first_is_told_to_go_on(server: LoopbackServer) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n"
    assert talk(server, head + CLOSE, b"{}").startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


def test_names_with_a_line_below_are_kept_for_metadata_and_left_out_otherwise(server: LoopbackServer) -> None:
    seen = ask(server, "GET / HTTP/1.1\r\nx-amz-meta-A_b: 1\r\nX_Forged: 2\r\nX-Twice: 3\r\nX-Twice: 4")
    assert seen["kept"] == {"HTTP_X_AMZ_META_A_B": "x-amz-meta-a_b"}
    assert "HTTP_X_FORGED" not in seen
    assert (seen["HTTP_X_AMZ_META_A_B"], seen["HTTP_X_TWICE"]) == ("1", "3,4")


@pytest.mark.parametrize(
    ("sent", "path", "raw"),
    [
        ("/a/b%20c+d", "/a/b c+d", "/a/b%20c%2Bd"),
        ("/f/arn%3Aaws%3Alambda:x?q=%41&r", "/f/arn:aws:lambda:x", "/f/arn%3Aaws%3Alambda%3Ax?q=%41&r"),
        ("/k/%C3%BC%2525", "/k/\xc3\xbc%25", "/k/%C3%BC%2525"),
        ("//a//b/", "//a//b/", "//a//b/"),
        ("http://localhost/abs", "/abs", "/abs"),
    ],
)
def test_a_path_comes_decoded_and_encoded_in_one_way(server: LoopbackServer, sent: str, path: str, raw: str) -> None:
    seen = ask(server, f"GET {sent} HTTP/1.1")
    assert (seen["PATH_INFO"], seen["RAW_URI"]) == (path, raw)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / SPDY/3\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n folded: x\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\nx-amz-decoded-content-length: 99999999999\r\nContent-Length: 0\r\n\r\n", b"413"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 300 + b"\r\n", b"431"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
    ],
)
def test_what_is_no_request_is_refused(server: LoopbackServer, sent: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as line:
        line.sendall(sent)
        assert line.recv(65_536).startswith(b"HTTP/1.1 " + status)


def test_an_application_that_breaks_is_a_500_that_says_nothing_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    def broken(environ: Any, start_response: Any) -> Any:
        raise RuntimeError(environ["QUERY_STRING"])

    with LoopbackServer(broken) as server:
        answer = talk(server, b"GET /?a-secret HTTP/1.1\r\nHost: localhost\r\n" + CLOSE)
    assert answer.startswith(b"HTTP/1.1 500")
    assert "a-secret" not in caplog.text + answer.decode()


def test_many_calls_that_wait_for_one_another_all_come_through() -> None:
    calls = 200
    together = threading.Barrier(calls)

    def wait(environ: Any, start_response: Any) -> list[bytes]:
        together.wait(600)
        return echo(environ, start_response)

    answered: list[int] = []

    def call(url: str) -> None:
        with urllib.request.urlopen(url, timeout=600) as answer:
            answered.append(answer.status)

    with LoopbackServer(wait) as server:
        callers = [threading.Thread(target=call, args=(server.url,)) for _ in range(calls)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    assert answered == [200] * calls


# ------------------------------------------------------------------------------------------------ HTTP/2 and TLS

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def read_exactly(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        piece = line.recv(size - len(data))
        assert piece, "closed"
        data += piece
    return data


def ask_over_two(line: socket.socket) -> Any:
    """The echo of POST / over HTTP/2, written frame by frame: what a client with prior knowledge sends."""
    # HPACK: indexed :method POST, :scheme http, :path /; :authority as a literal.
    head = bytes([0x83, 0x86, 0x84, 0x41, 9]) + b"localhost"
    line.sendall(PREFACE + frame(4, 0, 0) + frame(1, 4, 1, head) + frame(0, 1, 1, b"over two"))
    body = b""
    while True:
        header = read_exactly(line, 9)
        payload = read_exactly(line, int.from_bytes(header[:3], "big"))
        if header[3] == 0:
            body += payload
        if header[3] in (0, 1) and header[4] & 1:
            return json.loads(body)


def test_http_2_without_tls_is_spoken_on_the_same_port(server: LoopbackServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=600) as line:
        seen = ask_over_two(line)
    assert (seen["body"], seen["HTTP_HOST"], seen["SERVER_PROTOCOL"]) == ("over two", "localhost", "HTTP/2")


@pytest.mark.parametrize("offered", [["http/1.1"], ["h2", "http/1.1"]])
def test_tls_is_spoken_on_a_port_of_its_own(tmp_path: Path, offered: list[str]) -> None:
    made = certificate_for("localhost", tmp_path, now=NOW)
    context = ssl.create_default_context(cafile=str(made.authority))
    context.verify_flags |= ssl.VERIFY_X509_STRICT if hasattr(ssl, "VERIFY_X509_STRICT") else 0
    context.maximum_version = ssl.TLSVersion.TLSv1_2 if len(offered) == 1 else ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(offered)
    with LoopbackServer(echo, certificate=certificate_for("localhost", tmp_path, now=NOW)) as server:
        assert server.tls_url is not None
        port = int(server.tls_url.rpartition(":")[2])
        for name in ("localhost", "127.0.0.1"):
            with (
                socket.create_connection(("127.0.0.1", port), timeout=600) as plain,
                context.wrap_socket(plain, server_hostname=name) as line,
            ):
                assert line.selected_alpn_protocol() == offered[0]
                if offered[0] == "h2":
                    assert ask_over_two(line)["body"] == "over two"
                else:
                    line.sendall(GET + CLOSE)
                    assert line.recv(65_536).startswith(b"HTTP/1.1 200 OK")
        assert urllib.request.urlopen(server.url, timeout=600).status == 200


# ------------------------------------------------------------------------------------------------ its life


def test_a_port_that_is_taken_is_said_at_once(tmp_path: Path) -> None:
    first = LoopbackServer(echo)
    for ports in (
        {"port": first.port},
        {"certificate": certificate_for("localhost", tmp_path, now=NOW), "tls_port": first.port},
    ):
        with pytest.raises(OSError, match="in use"):
            LoopbackServer(echo, **ports)
    first.stop()
    with LoopbackServer(echo, port=first.port) as again:
        assert urllib.request.urlopen(again.url, timeout=600).status == 200


def test_only_the_loopback_interface_listens(server: LoopbackServer) -> None:
    assert server.url == f"http://127.0.0.1:{server.port}"
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", server.port), timeout=600)


def test_nothing_is_left_of_servers_that_stopped() -> None:
    before, natives = threading.active_count(), set(native_threads())
    for _ in range(20):
        with LoopbackServer(echo) as server:
            kept = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
            kept.request("GET", "/")
            with kept.getresponse() as answer:
                assert answer.status == 200
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", server.port), timeout=600)
        server.stop()
        kept.close()
    assert threading.active_count() <= before
    # One that still wants the interpreter when it ends would take the process down.
    assert set(native_threads()) <= natives


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HT",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc",
        PREFACE + frame(4, 0, 0),
    ],
)
def test_a_client_that_hangs_does_not_hold_up_the_end(sent: bytes) -> None:
    before = set(threading.enumerate())
    with (
        LoopbackServer(echo) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=600) as hanging,
    ):
        hanging.sendall(sent)
        assert talk(server, GET + CLOSE).startswith(b"HTTP/1.1 200")
        server.stop()
        assert set(threading.enumerate()) <= before
        with contextlib.suppress(ConnectionError):
            while hanging.recv(65_536):
                pass


def test_a_call_that_goes_on_is_broken_off_when_the_server_stops() -> None:
    began, ends = threading.Event(), threading.Event()

    def slow(environ: Any, start_response: Any) -> list[bytes]:
        began.set()
        ends.wait(600)
        return echo(environ, start_response)

    answers: list[bytes] = []
    with LoopbackServer(slow) as server:
        caller = threading.Thread(target=lambda: answers.append(talk(server, GET + CLOSE)))
        caller.start()
        began.wait(600)
        server.stop()
    caller.join()
    ends.set()
    assert answers[0].startswith(b"HTTP/1.1 503")
