"""The client: what is sent again, what is not, and what an error says."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from producers.api.exchange import Answer, HttpExchange
from producers.api.stream import ApiStream
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import deliver
from producers.ports import CallRefusedError, OutRecord, StreamRefusedError
from streamkeeper import Accepted, ApiError, Client, Decided, Pending, Refused, RefusedError, UnavailableError
from tests.fakes.content_api import PROBLEM, FakeApi
from tests.fakes.stream import VirtualClock


def client(api: FakeApi) -> tuple[Client, VirtualClock]:
    clock = VirtualClock(1_772_323_200.0)
    return Client("https://api.example/live", clock=clock, exchange=api), clock


def events(count: int) -> list[dict[str, Any]]:
    return [{"content_id": f"c{number}", "author_id": "a", "surface": "chat", "text": "hi"} for number in range(count)]


def test_an_event_is_completed_and_taken() -> None:
    api = FakeApi()
    accepted = client(api)[0].submit(events(1)[0])
    assert api.taken[accepted.event_id] | {"event_id": ""} == {
        **events(1)[0],
        "event_id": "",
        "schema_version": 1,
        "created_at": "2026-03-01T00:00:00.000000Z",
    }


def test_an_error_names_the_field() -> None:
    with pytest.raises(RefusedError, match="400: #/text: received nothing; allowed: a string") as error:
        client(FakeApi())[0].submit({"content_id": "c"})
    assert [one.pointer for one in error.value.problems] == ["#/text"]


def test_of_a_batch_only_what_was_not_taken_is_sent_again_with_the_same_id() -> None:
    api = FakeApi()
    asked, _ = client(api)
    sent = [{**one, "event_id": f"e{number}"} for number, one in enumerate(events(1_203))]
    del sent[7]["text"]
    api.busy = {"e3", "e700", "e1202"}
    found = asked.submit_many(sent)
    assert [one.event_id for one in found] == [f"e{number}" for number in range(1_203)]
    assert {one.event_id for one in found if isinstance(one, Refused)} == {"e7"}
    assert sum(isinstance(one, Accepted) for one in found) == 1_202 == len(api.taken)
    assert [len(ids) for ids in api.sent] == [500, 1, 500, 1, 203, 1]
    assert [ids for ids in api.sent if len(ids) == 1] == [["e3"], ["e700"], ["e1202"]]


def test_batches_stay_below_the_size_that_the_api_takes() -> None:
    api = FakeApi()
    assert len(client(api)[0].submit_many([{**one, "text": "x" * 60_000} for one in events(150)])) == 150
    assert [len(ids) for ids in api.sent] == [64, 64, 22]


def test_what_is_never_taken_ends_in_an_error() -> None:
    api = FakeApi(lambda number: Answer(207, {"results": [{"status": 503}]}))
    with pytest.raises(UnavailableError, match="1 of 1 events"):
        client(api)[0].submit_many(events(1))
    assert api.requests == 6


@pytest.mark.parametrize("document", [None, [], {"results": 1}, {"results": [{}]}, "x"])
def test_an_answer_of_something_else_is_said_to_be_one(document: Any) -> None:
    api = FakeApi(lambda number: Answer(200, document))
    for ask in (lambda: client(api)[0].submit_many(events(1)), lambda: client(api)[0].score("hi")):
        with pytest.raises(ApiError, match="API's address"):
            ask()


def test_who_waits_hears_of_the_decision_and_asks_as_often_as_it_is_told() -> None:
    api = FakeApi()
    asked, clock = client(api)
    assert asked.status("c0") == Pending("c0")
    with pytest.raises(TimeoutError, match='"hold": true'):
        asked.wait("c0", seconds=11)
    assert clock.slept == [2.0] * 5
    asked.submit({**events(1)[0], "hold": True})
    found = asked.wait("c0")
    assert isinstance(found, Decided)
    assert (found.action, found.labels, found.policy.id) == ("block", ("spam",), "default")


def test_who_waits_is_held_where_the_api_holds_and_asks_again_where_it_does_not() -> None:
    decided = {
        **dict.fromkeys(("content_id", "event_id", "verdict_id", "decided_at"), "x"),
        "action": "block",
        "labels": [],
        "policy": {"id": "p", "version": "1"},
    }
    asked: list[str] = []

    def holds(method: str, path: str, document: Any = None) -> Answer:
        asked.append(path)
        return Answer(200, decided)

    assert Client("https://api.example", clock=VirtualClock(0.0), exchange=holds).wait("c").action == "block"
    assert asked == ["/v1/content/c/decision?wait=20"]

    def holds_not(method: str, path: str, document: Any = None) -> Answer:
        asked.append(path)
        if path.endswith("wait=20"):
            return Answer(403, {"detail": "there is no such route"})
        return Answer(200, decided) if len(asked) > 4 else Answer(202, {}, 2.0)

    asked.clear()
    assert Client("https://api.example", clock=VirtualClock(0.0), exchange=holds_not).wait("c").action == "block"
    assert asked == ["/v1/content/c/decision?wait=20", *["/v1/content/c"] * 4]

    def takes_no_more(method: str, path: str, document: Any = None) -> Answer:
        if "wait=" in path:
            raise UnavailableError
        return Answer(200, decided)

    assert Client("https://api.example", clock=VirtualClock(0.0), exchange=takes_no_more).wait("c").action == "block"


def test_changes_are_asked_for_from_a_place_or_from_a_time() -> None:
    asked: list[str] = []

    def tells(method: str, path: str, document: Any = None) -> Answer:
        asked.append(path)
        return Answer(200, {"changes": [], "next": "1790000000000", "more": False})

    client = Client("https://api.example", clock=VirtualClock(0.0), exchange=tells)
    assert client.changes().next == "1790000000000"
    client.changes(1_790_000_000.5, limit=5)
    client.changes("1790000000000-0f")
    assert asked == [
        "/v1/changes?limit=100",
        "/v1/changes?limit=5&after=1790000000500",
        "/v1/changes?limit=100&after=1790000000000-0f",
    ]


class Server(ThreadingHTTPServer):
    """Answers with what is listed, one after the other."""

    daemon_threads = True

    def __init__(self, answers: list[tuple[int, dict[str, str], Any]]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.seen: list[tuple[str, str, str | None, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/live"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        server.seen.append((self.command, self.path, self.headers.get("x-api-key"), body))
        status, headers, document = server.answers.pop(0)
        content = json.dumps(document).encode()
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST

    def log_message(self, *given: Any) -> None:  # type: ignore[override]
        """Nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server([])
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def test_over_http_what_may_pass_is_sent_again_after_the_time_that_is_asked_for(server: Server) -> None:
    server.answers = [(429, {"retry-after": "7"}, {}), (503, {}, {}), (202, {}, {"status": "accepted"})]
    clock = VirtualClock(1_772_323_200.0)
    accepted = Client(server.url, key="k", clock=clock).submit({**events(1)[0], "event_id": "e"})
    assert accepted == Accepted("e", "c0")
    assert clock.slept[0] == 7.0
    assert len({body for _, _, _, body in server.seen}) == 1, "each time the same event"
    assert {(method, path, key) for method, path, key, _ in server.seen} == {("POST", "/live/v1/content", "k")}


def test_over_http_a_redirect_is_not_followed_and_nobody_at_home_is_an_error(server: Server) -> None:
    server.answers = [(307, {"location": "/elsewhere"}, {})]
    with pytest.raises(ApiError, match="status 307"):
        Client(server.url, clock=VirtualClock()).status("c")
    with pytest.raises(UnavailableError, match="did not answer 6 requests"):
        Client("http://127.0.0.1:9", clock=VirtualClock()).status("c")
    with pytest.raises(ValueError, match="http"):
        Client("api.example")


def records(count: int) -> list[OutRecord]:
    return [
        OutRecord(f"e{number}", "k", json.dumps({"event_id": f"e{number}", "text": "x" * 10}).encode())
        for number in range(count)
    ]


def test_delivery_over_the_api_accounts_for_every_event() -> None:
    api = FakeApi()
    api.busy = {"e1", "e600"}
    sent = records(1_300)
    sent[20] = OutRecord("e20", "k", b'{"event_id": "e20"}')
    report = deliver(
        sent, ApiStream("https://api", api), clock=VirtualClock(), settings=DeliverySettings(max_seconds=60)
    )
    assert report.accepted == 1_299 == len(api.taken)
    assert [list(group.event_ids) for group in report.failed] == [["e20"]]


def test_a_key_that_is_not_known_stops_delivery_and_a_record_that_is_no_json_is_refused_alone() -> None:
    closed = ApiStream("https://api", FakeApi(lambda number: Answer(403, PROBLEM)))
    with pytest.raises(StreamRefusedError, match="Check the URL and the key"):
        closed.put(records(1))
    refusing = ApiStream("https://api", FakeApi(lambda number: Answer(400, PROBLEM)))
    with pytest.raises(CallRefusedError):
        refusing.put(records(2))


def test_the_exchange_is_given_no_second_try_by_itself_where_delivery_makes_them(server: Server) -> None:
    server.answers = [(503, {}, {})]
    exchange = HttpExchange(server.url, headers={}, clock=VirtualClock(), attempts=1)
    with pytest.raises(UnavailableError, match="status 503"):
        exchange("GET", "/v1/content/c")
