"""The service behind a server: limits, origins, metrics, and nothing of content or keys in the log."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from consumers.scoring.messages import Request, Response
from consumers.scoring.service import ANALYZE, DISCOVERY, MODERATE
from infra.serving.access_log import JsonLog
from infra.serving.application import Application, Limits
from infra.serving.metrics import Metrics
from tests.fakes.scoring import KEY, Scoring

ASKED = {"comment": {"text": "You secret idiot."}, "requestedAttributes": {"TOXICITY": {}}}


def test_a_log_that_takes_nothing_costs_no_answer_and_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        log = JsonLog(full)
        for _ in range(3):
            log.note(Request("GET", "/"), Response(200), at=0.0, seconds=0.0)
    assert caplog.messages == ["the access log takes no lines: No space left on device"]


class FakeProtocol:
    """Gives a body in chunks and keeps the answer."""

    def __init__(self, chunks: list[bytes], *, stalls: bool = False) -> None:
        self._chunks = chunks
        self._stalls = stalls
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""

    async def __call__(self) -> bytes:
        if self._stalls:
            await asyncio.Event().wait()
        return b"".join(self._chunks)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk
        if self._stalls:
            await asyncio.Event().wait()

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, dict(headers), body

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")


class Server:
    """An application with fakes around it."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.scoring = Scoring()
        self.log = io.BytesIO()
        self.application = Application(
            options.pop("service", self.scoring.service),
            keys=self.scoring.keys,
            metrics=Metrics(folder),
            access_log=JsonLog(self.log),
            **options,
        )

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        method: str = "POST",
        query: str = f"key={KEY}",
        headers: Mapping[str, str] | None = None,
        chunked: bool = False,
        stalls: bool = False,
    ) -> FakeProtocol:
        raw = json.dumps(body).encode() if body is not None else b""
        given = (
            {"host": "127.0.0.1:8700"} | ({} if chunked else {"content-length": str(len(raw))}) | dict(headers or {})
        )
        scope = SimpleNamespace(
            method=method, path=path, query_string=query, headers=given, scheme="http", authority=None
        )
        protocol = FakeProtocol([raw[at : at + 7] for at in range(0, len(raw), 7)], stalls=stalls)
        asyncio.run(self.application(scope, protocol))
        return protocol


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all: a process keeps its counts where it first put them."""
    return tmp_path_factory.mktemp("metrics")


@pytest.fixture
def server(folder: Path) -> Server:
    return Server(folder)


def test_a_body_is_read_whole_or_in_chunks(server: Server) -> None:
    whole, chunked = server.ask(ANALYZE, ASKED), server.ask(ANALYZE, ASKED, chunked=True)
    assert (whole.status, whole.body) == (200, chunked.body)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(folder: Path, chunked: bool) -> None:
    server = Server(folder, limits=Limits(body_bytes=50))
    assert server.ask(ANALYZE, ASKED, chunked=chunked).status == 413


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_does_not_come_is_given_up(folder: Path, chunked: bool) -> None:
    server = Server(folder, limits=Limits(body_seconds=0.01))
    assert server.ask(ANALYZE, ASKED, chunked=chunked, stalls=True).status == 408


@pytest.mark.parametrize("length", ["-1", "1e3", "٣", "9" * 30])
def test_a_length_that_is_none_is_refused(server: Server, length: str) -> None:
    assert server.ask(ANALYZE, ASKED, headers={"content-length": length}).status in (400, 413)


@pytest.mark.parametrize(
    ("behind_proxy", "expected"), [(False, "http://127.0.0.1:8700/"), (True, "https://scores.example.com/")]
)
def test_a_proxys_word_counts_only_where_it_is_believed(folder: Path, behind_proxy: bool, expected: str) -> None:
    server = Server(folder, behind_proxy=behind_proxy)
    forwarded = {"x-forwarded-proto": "https", "x-forwarded-host": "scores.example.com"}
    answer = server.ask(DISCOVERY, method="GET", query="version=v1alpha1", headers=forwarded)
    assert json.loads(answer.body)["rootUrl"] == expected


@pytest.mark.parametrize("host", ["a b", 'x"y', "<script>", "h" * 300])
def test_a_host_that_is_none_is_refused(server: Server, host: str) -> None:
    assert server.ask(DISCOVERY, method="GET", headers={"host": host}).status == 400


def test_the_log_has_a_line_a_request_without_text_key_or_path(server: Server) -> None:
    server.ask(ANALYZE, ASKED)
    server.ask("/some/secret/path", method="BREW")
    server.ask(MODERATE, {"text": "You secret idiot."}, headers={"authorization": f"Bearer {KEY}"}, query="secret=1")
    lines = [json.loads(line) for line in server.log.getvalue().splitlines()]
    assert [(one["route"], one["status"], one["client"]) for one in lines] == [
        ("analyze", 200, "tests"),
        ("unknown", 404, ""),
        ("moderate", 200, "tests"),
    ]
    for hidden in (b"secret", KEY.encode(), b"BREW", b"idiot"):
        assert hidden not in server.log.getvalue()


def test_metrics_count_requests_and_texts_and_need_a_key(server: Server) -> None:
    server.ask(ANALYZE, ASKED)
    server.ask(ANALYZE, {})
    assert server.ask("/metrics", method="GET", query="").status == 401
    shown = server.ask("/metrics", method="GET", query="", headers={"authorization": f"Bearer {KEY}"})
    assert shown.headers["content-type"].startswith("text/plain")
    text = shown.body.decode()
    assert 'streamkeeper_requests_total{route="analyze",status="200"}' in text
    assert 'streamkeeper_texts_total{client="tests",route="analyze"}' in text
    assert "streamkeeper_request_seconds_bucket" in text
    assert KEY not in text


def test_metrics_are_open_where_that_is_chosen(folder: Path) -> None:
    assert Server(folder, open_metrics=True).ask("/metrics", method="GET", query="").status == 200


def test_health_needs_no_key(server: Server) -> None:
    assert server.ask("/healthz", method="GET", query="").status == 200
    assert server.ask("/healthz", method="HEAD", query="").body == b""


def test_a_defect_is_answered_and_logged_without_content(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def steps(self, request: Any) -> Any:
            raise KeyError("You secret idiot.")

    server = Server(folder, service=Broken())
    with caplog.at_level(logging.ERROR):
        answer = server.ask(ANALYZE, ASKED)
    assert (answer.status, json.loads(answer.body)["error"]["status"]) == (500, "INTERNAL")
    assert "KeyError at" in caplog.text
    assert "secret" not in caplog.text
