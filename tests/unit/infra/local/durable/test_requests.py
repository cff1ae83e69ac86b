"""Which calls are kept and made again after a restart."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local.durable.requests import Call, Requests
from infra.local.durable.store import Store


def made_again(folder: Path, call: Call) -> list[tuple[str, str, bytes]]:
    """The calls that a runtime makes at its start when the one before it was asked this."""
    store = Store(folder)
    items: Any = SimpleNamespace()
    requests = Requests(store, items)
    requests.replay(lambda environ, start_response: [])
    requests.begin(call)
    requests.done(call, 201)
    store.start()
    requests.settle()
    store.close()
    seen: list[tuple[str, str, bytes]] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        seen.append((environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["wsgi.input"].read()))
        start_response("201 Created", [])
        return [b""]

    store = Store(folder)
    assert Requests(store, items).replay(application) == []
    store.close()
    return seen


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/apis"),
        ("POST", "/v2/apis/a1/routes"),
        ("DELETE", "/v2/apis/a1"),
        ("POST", "/restapis"),
        ("PATCH", "/restapis/a1/stages/live"),
        ("POST", "/usageplans"),
    ],
)
def test_what_was_made_of_apis_is_made_again(tmp_path: Path, method: str, path: str) -> None:
    call = Call(method, path, {"content-type": "application/json"}, b'{"name":"a"}', "apigateway")
    assert made_again(tmp_path, call) == [(method, path, b'{"name":"a"}')]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v2/apis"), ("GET", "/restapis/a1"), ("POST", "/apikeys"), ("POST", "/usageplans/p1/keys")],
)
def test_what_only_asks_and_keys_of_apis_are_not_kept(tmp_path: Path, method: str, path: str) -> None:
    assert made_again(tmp_path, Call(method, path, {}, b"{}", "apigateway")) == []
