"""Calls that made, changed or deleted resources: kept as they came, and made again after a restart.

What the template says is made anew at every start; on top of it come the calls that users made, in their order. Data
has its own keepers (``objects``, ``items``, ``messages``, the streams' log, the delivery journals), so calls that put
or take data are not among these. A resource that a call made and another deleted leaves neither call behind.
"""

import os
import re
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

import msgspec

from infra.local.durable.items import WRITES, KeptItems
from infra.local.durable.store import Store

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_READS: Final = re.compile(
    "Get|List|Describe|BatchGet|Head|Query|Scan|Search|Test|Validate|Lookup|Check|Estimate|Simulate|Assume|Decrypt|"
    "Encrypt|Generate|ReEncrypt|Sign|Verify|Filter|Tail|Detect|Preview"
)
_DATA: Final = re.compile(
    "Put(Record|Records|RecordBatch|Events|MetricData|LogEvents)|SubscribeToShard|(Start|Stop)QueryExecution|"
    "(Send|Receive|Delete|Change|Start|Cancel)Message.*|PurgeQueue|Publish|PublishBatch|Invoke.*|TransactGetItems"
)
_API_KEY: Final = re.compile(r"^/apikeys\b|^/usageplans/[^/]+/keys\b")
_DYNAMODB: Final = "DynamoDB_20120810"
# The streams' log keeps them whole, with what was done to their shards.
_KINESIS: Final = "Kinesis_20131202"
_HEADERS: Final = ("content-type", "x-amz-target", "host", "x-amz-content-sha256")
AGAIN: Final = "streamkeeper.again"
"""Set in the environment of a call that is made again."""
_FORM: Final = "application/x-www-form-urlencoded"


class Call(msgspec.Struct, frozen=True):
    """A request as it came in; ``service`` is the one that it was signed for."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    service: str = ""


class _Kept(msgspec.Struct, frozen=True):
    call: Call
    seed: int


class Requests:
    """Records calls, keeps what they changed, and makes them again.

    Args:
        store: of the runtime's folder.
        items: keeps what calls write to DynamoDB.
    """

    def __init__(self, store: Store, items: KeptItems) -> None:
        self._store = store
        self._items = items
        self._recording = False
        # By subject, the actions that are kept, in their order.
        self._made: dict[str, list[str]] = {}
        for subject, action in store.rows("SELECT subject, action FROM requests ORDER BY id"):
            self._made.setdefault(subject, []).append(action)
        self._seeds: dict[int, int] = {}

    def begin(self, call: Call) -> None:
        """Before a call: what it draws at random is drawn alike when it is made again."""
        if self._recording and _name(call) is not None:
            self._seeds[id(call)] = _seed(int.from_bytes(os.urandom(6), "big"))

    def done(self, call: Call, status: int) -> None:
        """After a call: keeps it, or what it wrote, when it succeeded."""
        seed = self._seeds.pop(id(call), None)
        if not self._recording or not 200 <= status < 300:
            return
        prefix, _, action = call.headers.get("x-amz-target", "").rpartition(".")
        if prefix == _DYNAMODB and action in WRITES:
            self._items.wrote(action, msgspec.json.decode(call.body))
        elif seed is not None:
            self._keep(str(_name(call)), _subject(call), _Kept(_bare(call), seed))
            if prefix == _DYNAMODB and action == "DeleteTable":
                self._items.deleted(str(msgspec.json.decode(call.body)["TableName"]))

    def settle(self) -> None:
        """Returns when all that was changed so far is written.

        Raises:
            StoreError: it cannot be.
        """
        self._store.settle()

    def note(self, target: str, body: Mapping[str, object]) -> None:
        """Keeps a change that a statement made inside, as the call that would have made it.

        Args:
            target: e.g. ``AWSGlue.CreateTable``.
        """
        if self._recording:
            headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": target}
            call = Call("POST", "/", headers, msgspec.json.encode(body), _SERVICES[target.partition(".")[0]])
            self._keep(target.partition(".")[2], _subject(call), _Kept(call, 1))

    def replay(self, application: "WSGIApplication") -> list[str]:
        """Makes the kept calls again, in their order, and records from then on; a line for each that was refused."""
        problems = []
        for number, request in self._store.rows("SELECT id, request FROM requests ORDER BY id"):
            kept = msgspec.msgpack.decode(request, type=_Kept)
            _seed(kept.seed)
            status, answer = _call(application, kept.call)
            if not 200 <= status < 300:
                name = f"{kept.call.service} {_name(kept.call)} {_subject(kept.call)}"
                problems.append(f"call {number}, {name[:200]}: {status} {answer[:300].decode('utf-8', 'replace')!r}")
        _seed(int.from_bytes(os.urandom(8), "big"))
        self._recording = True
        return problems

    def _keep(self, action: str, subject: str, kept: _Kept) -> None:
        before = self._made.setdefault(subject, []) if subject else []
        if action == "DeleteTable" and "CreateTable" in before:
            is_users_own = before[0] == "CreateTable"
            before.clear()
            self._store.add("DELETE FROM requests WHERE subject = ?", (subject,))
            if is_users_own:
                return
        if action == "UpdateTable" and before[-1:] == ["UpdateTable"]:
            # It replaces what the one before it said.
            self._store.add(
                "DELETE FROM requests WHERE id = (SELECT max(id) FROM requests WHERE subject = ?)", (subject,)
            )
            before.pop()
        before.append(action)
        self._store.add(
            "INSERT INTO requests (subject, action, request) VALUES (?, ?, ?)",
            (subject, action, msgspec.msgpack.encode(kept)),
        )


_SERVICES: Final = {"AWSGlue": "glue", "AmazonAthena": "athena"}


def _name(call: Call) -> str | None:
    """The action of a call that changes resources; None for any other."""
    if call.service == "lambda" and not call.headers.get("x-amz-target"):
        path = call.target.partition("?")[0]
        changes = call.method in ("POST", "PUT", "DELETE") and "/invocations" not in path and "invoke-async" not in path
        return f"{call.method} {path}" if changes else None
    if call.service == "apigateway":
        path = call.target.partition("?")[0]
        # Of a key nothing but its hash is held, so that there is nothing to make it again from.
        changes = call.method in ("POST", "PUT", "PATCH", "DELETE") and not _API_KEY.search(path)
        return f"{call.method} {path}" if changes else None
    if call.service == "s3":
        return f"{call.method} bucket" if call.method in ("PUT", "DELETE") and _is_bucket(call) else None
    prefix, _, action = call.headers.get("x-amz-target", "").rpartition(".")
    if not action and call.headers.get("content-type", "").startswith(_FORM):
        action = dict(parse_qsl(call.body.decode("utf-8", "replace"))).get("Action", "")
    if not action or prefix == _KINESIS or _READS.match(action) or _DATA.fullmatch(action):
        return None
    return None if prefix == _DYNAMODB and action in WRITES else action


def _is_bucket(call: Call) -> bool:
    path = call.target.partition("?")[0].strip("/")
    host = call.headers.get("host", "").partition(":")[0]
    in_host = host not in ("127.0.0.1", "localhost") and not host.startswith("s3.")
    return not path if in_host else bool(path) and "/" not in path


def _subject(call: Call) -> str:
    """What a call is about, where calls about one thing can cancel each other; otherwise nothing."""
    prefix, _, action = call.headers.get("x-amz-target", "").rpartition(".")
    if prefix != "AWSGlue" or not action.endswith(("Table", "Partition", "Database")):
        return ""
    body = msgspec.json.decode(call.body)
    given = body.get("TableInput") or body.get("DatabaseInput") or {}
    name = str(given.get("Name") or body.get("Name") or body.get("TableName") or "")
    database = str(body.get("DatabaseName") or "")
    if action.endswith("Database"):
        return ""
    return f"glue/{database.lower()}/{name.lower()}"


def _bare(call: Call) -> Call:
    """A call without who made it and when."""
    headers = {name: value for name, value in call.headers.items() if name in _HEADERS}
    return Call(call.method, call.target, headers, call.body, call.service)


def _seed(seed: int) -> int:
    from moto.moto_api._internal import mock_random

    mock_random.seed(seed)
    return seed


def _call(application: "WSGIApplication", call: Call) -> tuple[int, bytes]:
    path, _, query = call.target.partition("?")
    environ: dict[str, Any] = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(call.body),
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": call.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(path, "latin-1"),
        "QUERY_STRING": query,
        "RAW_URI": call.target,
        "REQUEST_URI": call.target,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_LENGTH": str(len(call.body)),
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{call.service}/aws4_request, "
        "SignedHeaders=host, Signature=0",
        "HTTP_HOST": "127.0.0.1",
        AGAIN: True,
    }
    for name, value in call.headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key == "CONTENT_TYPE" else f"HTTP_{key}"] = value
    status: list[int] = []

    def start_response(line: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], object]:
        status[:] = [int(line.split()[0])]
        return lambda _: None

    return_body = b"".join(application(environ, start_response))
    return status[0], return_body
