"""The command as users run it: processes that listen once they can answer, and end when they are told to."""

import json
import signal
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.serving.keys_file import KeysFile
from infra.serving.redirect import HOST

AT = "2026-01-02T03:04:05+00:00"
TEXT = "You hidden idiot."
ROOT = Path(__file__).parents[4]
CONTAINER = ROOT / "infra" / "serving" / "Containerfile"


class Running:
    """A server in processes of its own."""

    def __init__(self, folder: Path) -> None:
        self.key = KeysFile(folder / "keys.json").add("web", per_minute=50, created_at=AT)
        self.log = folder / "access.jsonl"
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "infra",
                "serve",
                *("--port", "0", "--processes", "2", "--json"),
                *("--keys", str(folder / "keys.json"), "--access-log", str(self.log)),
                *("--redirect", str(folder / "redirect"), "--redirect-port", "0"),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.url, self.proxy, self.authority = told["url"], told["proxy"], told["authority"]

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        raw = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=raw, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=600) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("serve"))
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


def test_scores_verdicts_and_metrics_come_over_http(running: Running) -> None:
    asked = {"comment": {"text": TEXT}, "requestedAttributes": {"INSULT": {}}}
    status, body = running.ask(f"/v1alpha1/comments:analyze?key={running.key}", asked)
    assert status == 200
    assert json.loads(body)["attributeScores"]["INSULT"]["summaryScore"]["value"] > 0.5
    status, body = running.ask("/v1/moderate", {"text": TEXT}, Authorization=f"Bearer {running.key}")
    assert (status, json.loads(body)["action"]) == (200, "flag")
    assert running.ask("/healthz")[0] == 200
    status, body = running.ask("/metrics", Authorization=f"Bearer {running.key}")
    assert b'streamkeeper_texts_total{client="web",route="analyze"} 1.0' in body


def test_a_client_with_the_host_written_into_it_is_led_here_and_trusts_the_certificate(running: Running) -> None:
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({"https": running.proxy}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=running.authority)),
    )
    with opener.open(f"https://{HOST}/$discovery/rest?version=v1alpha1", timeout=600) as answer:
        assert json.load(answer)["rootUrl"] == f"https://{HOST}/"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        (b"CONNECT example.com:443 HTTP/1.1\r\n\r\n", b"403"),
        (b"CONNECT commentanalyzer.googleapis.com:22 HTTP/1.1\r\n\r\n", b"403"),
        (b"GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", b"405"),
        (b"CONNECT\r\n\r\n", b"405"),
        (b"X" * 20_000, b""),
    ],
)
def test_the_redirector_leads_nowhere_else(running: Running, asked: bytes, status: bytes) -> None:
    host, _, port = running.proxy.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=600) as connection:
        connection.sendall(asked)
        try:
            answer = connection.recv(1000)
        except ConnectionResetError:
            answer = b""
    assert answer[9:12] == status


def test_the_containers_own_check_tells_a_server_that_answers_from_one_that_does_not(running: Running) -> None:
    lines = CONTAINER.read_text("utf-8").replace("\\\n", " ").splitlines()
    kinds = {line.partition(" ")[0]: line.partition(" ")[2] for line in lines}
    assert kinds["USER"] not in ("", "root", "0")
    assert kinds["VOLUME"] == "/keys"
    assert json.loads(kinds["ENTRYPOINT"]) == ["python", "-m", "infra"]
    copied = {line.split()[1] for line in lines if line.startswith("COPY") and "--from" not in line}
    assert all((ROOT / name).exists() for name in copied)
    _, option, source = json.loads(kinds["HEALTHCHECK"].partition("CMD ")[2])
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = closed.getsockname()[1]
        for port, ends in ((int(running.url.rpartition(":")[2]), 0), (nobody, 1)):
            command = [sys.executable, option, source.replace("8700", str(port))]
            assert subprocess.run(command, check=False, capture_output=True).returncode == ends


def test_the_quota_holds_over_all_processes(running: Running) -> None:
    asked = {"items": [{"text": "hi"}] * 10}
    statuses = [running.ask("/v1/moderate", asked, Authorization=f"Bearer {running.key}")[0] for _ in range(11)]
    # Some are of the next minute when one ends meanwhile.
    assert 4 <= statuses.count(200) <= 10
    assert 429 in statuses


def test_a_server_ends_when_it_is_told_to_and_its_log_holds_no_content(running: Running) -> None:
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(600) == 0
    lines = running.log.read_text().splitlines()
    assert {json.loads(line)["route"] for line in lines} >= {"analyze", "moderate"}
    assert "hidden" not in running.log.read_text()
    assert running.key not in running.log.read_text()
