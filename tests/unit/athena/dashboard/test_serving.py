"""The pages on a real port: seen while they are still being asked for, for this machine only."""

import http.client
import socket
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from athena.dashboard.lake import Lake
from athena.dashboard.serving import HOST, PortTakenError, serving
from athena.engine import Answer
from tests.fakes.report_answers import Reports


class Held(Reports):
    """Answers when it is let."""

    def __init__(self) -> None:
        super().__init__({"summary": [{"events": 1, "before_events": 0}]})
        self.let = threading.Event()

    def run(self, sql: str, parameters: Sequence[str] = (), *, database: str, workgroup: str) -> Answer:
        assert self.let.wait(600)
        return super().run(sql, parameters, database=database, workgroup=workgroup)


@contextmanager
def served(engine: Reports) -> Iterator[tuple[str, http.client.HTTPConnection]]:
    """Where it is, and a line to it."""
    with ThreadPoolExecutor(8) as pool:
        lake = Lake(engine, database="d", workgroup="w", pool=pool)
        with serving(lake, port=0) as (url, serve):
            serving_thread = threading.Thread(target=serve, daemon=True)
            serving_thread.start()
            address = urlsplit(url).netloc
            line = http.client.HTTPConnection(address, timeout=600)
            try:
                yield address, line
            finally:
                line.close()
        # It ends with the block.
        serving_thread.join()


def test_the_top_of_a_page_is_there_before_any_query_has_answered() -> None:
    engine = Held()
    with served(engine) as (_, line):
        try:
            line.request("GET", "/")
            answer = line.getresponse()
            first = answer.read1(65_536).decode()
            assert '<main id="content"' in first
            assert engine.asked == []
        finally:
            engine.let.set()
        rest = answer.read().decode()
    assert rest.rstrip().endswith("</html>")


def test_many_look_at_once_and_each_query_is_asked_once() -> None:
    engine = Held()
    with served(engine) as (address, _), ThreadPoolExecutor(6) as people:

        def look() -> str:
            line = http.client.HTTPConnection(address, timeout=600)
            line.request("GET", "/?since=2026-11-01&until=2026-11-02")
            text = line.getresponse().read().decode()
            line.close()
            return text

        looking = [people.submit(look) for _ in range(6)]
        engine.let.set()
        texts = {one.result() for one in looking}
    assert all(text.rstrip().endswith("</html>") for text in texts)
    assert engine.times("summary") == 1


def test_a_name_that_another_site_gave_this_machine_is_turned_away() -> None:
    engine = Reports()
    with served(engine) as (address, line):
        line.request("GET", "/", headers={"Host": f"evil.example:{address.rpartition(':')[2]}"})
        assert line.getresponse().status == 421
    assert engine.asked == []


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        lake = Lake(Reports(), database="d", workgroup="w", pool=ThreadPoolExecutor(1))
        with pytest.raises(PortTakenError, match=f"port {port} of 127.0.0.1 is taken"), serving(lake, port=port):
            raise AssertionError("it was served")
