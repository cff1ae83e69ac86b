"""Hostile requests against the command as users run it: refused, what is wrong is named, and nothing is half taken."""

import http.client
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.serving.keys_file import KeysFile
from tests.unit.infra.serving.hostile_requests import FRAMED, HOSTILE, PLAIN, TEXT, Hostile

AT = "2026-01-02T03:04:05+00:00"


class Served:
    """A server in a process of its own, and one connection to it."""

    def __init__(self, folder: Path) -> None:
        self.key = KeysFile(folder / "keys.json").add("web", per_minute=0, created_at=AT)
        self.log = folder / "access.jsonl"
        command = [sys.executable, "-m", "infra", "serve", "--port", "0", "--processes", "1", "--json"]
        command += ["--keys", str(folder / "keys.json"), "--access-log", str(self.log)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.at = urlsplit(json.loads(self.process.stdout.readline())["url"])
        self._line = http.client.HTTPConnection(str(self.at.hostname), self.at.port, timeout=600)

    def ask(self, request: Hostile) -> tuple[int, dict[str, str], bytes]:
        headers = {"Content-Type": "application/json", **({"X-API-Key": self.key} if request.with_key else {})}
        self._line.request(request.method, request.path, request.body, headers | dict(request.headers))
        answer = self._line.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def raw(self, text: bytes) -> bytes:
        """The first line of what comes back for these bytes; nothing when the line is cut."""
        with socket.create_connection((str(self.at.hostname), int(self.at.port or 0)), timeout=600) as line:
            try:
                line.sendall(text.replace(b"KEY", self.key.encode()))
                line.shutdown(socket.SHUT_WR)
                return line.recv(4096).split(b"\r\n")[0]
            except OSError:
                return b""

    def texts(self) -> list[str]:
        """The lines of the metrics that count texts."""
        _, _, body = self.ask(Hostile("metrics", "", path="/metrics", method="GET"))
        return [line for line in body.decode().splitlines() if line.startswith("streamkeeper_texts_total")]

    def close(self) -> None:
        self._line.close()
        self.process.terminate()
        self.process.communicate()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("hostile"))
    yield served
    served.close()


def said(body: bytes) -> tuple[list[str], str]:
    """The fields that an answer names, and all that it says."""
    document: dict[str, Any] = json.loads(body)
    if "error" not in document:
        return [one["pointer"] for one in document.get("errors", ())], str(document["detail"])
    details = document["error"].get("details", ())
    return [], " ".join([document["error"]["message"], *(json.dumps(one) for one in details)])


@pytest.mark.parametrize("request_", HOSTILE, ids=[one.name for one in HOSTILE])
def test_a_hostile_request_is_refused_and_what_is_wrong_is_named(request_: Hostile, served: Served) -> None:
    before = served.texts()
    status, headers, body = served.ask(request_)
    assert status == request_.status
    assert headers["content-type"].partition(";")[0] in ("application/json", "application/problem+json")
    pointers, text = said(body)
    if request_.names.startswith("#"):
        assert pointers == [request_.names]
    else:
        assert request_.names in text
    assert TEXT.encode() not in body
    assert served.texts() == before


def test_there_are_ninety_five_at_least() -> None:
    assert len({one.name for one in HOSTILE}) == len(HOSTILE)
    assert len(HOSTILE) + len(FRAMED) >= 95


@pytest.mark.parametrize("text", FRAMED.values(), ids=FRAMED)
def test_a_request_that_is_framed_to_deceive_is_refused_or_cut_off(text: bytes, served: Served) -> None:
    before = served.texts()
    first = served.raw(text)
    assert not first or first.split()[1].startswith(b"4")
    assert served.texts() == before


def test_after_all_of_that_it_answers_as_before_and_its_log_holds_nothing_of_them(served: Served) -> None:
    status, _, body = served.ask(Hostile("good", "", json.dumps({"text": "You idiot."}).encode(), PLAIN))
    assert (status, json.loads(body)["action"]) == (200, "flag")
    log = served.log.read_text()
    assert len(log.splitlines()) > len(HOSTILE)
    assert not [one for one in (TEXT, served.key, "passwd", "DROP TABLE", "../") if one in log]
