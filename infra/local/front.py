"""The one door of the twin: every AWS call comes in here and goes to our own service or to moto."""

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol, cast
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec

from infra.local.apigateway.api import ApiGatewayApi
from infra.local.apigateway.gateway import PREFIX, Request
from infra.local.cloudformation.cloudformation import StackApi, error_document
from infra.local.control import Control
from infra.local.durable.requests import Call
from infra.local.durable.store import StoreError
from infra.local.errors import ApiError, error_body
from infra.local.eventstream import CONTENT_TYPE, EventStream
from infra.rights.keys import key_of

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_logger = logging.getLogger(__name__)

# X-Amz-Target's prefix of each service that is ours: moto has one by that name, and it is not what AWS does.
OUR_TARGETS = {
    "Kinesis_20131202": "kinesis",
    "Firehose_20150804": "firehose",
    "AmazonAthena": "athena",
    "CodeDeploy_20141006": "codedeploy",
}
_OUR_SIGNING_NAMES = {
    "kinesis": "kinesis",
    "firehose": "firehose",
    "athena": "athena",
    "codedeploy": "codedeploy",
    "lambda": "lambda",
}
_LAMBDA_PATHS = ("/2015-03-31/", "/2014-11-13/", "/2017-03-31/", "/2017-10-31/", "/2018-10-31/", "/2019-09-25/")
_JSON_TYPE = "application/x-amz-json-1.1"
_CONTROL = ("apigateway", "s3")
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class JsonApi(Protocol):
    """A service of ours that speaks AWS JSON 1.1."""

    def call(self, action: str, body: dict[str, object]) -> dict[str, object]: ...


class RestApi(Protocol):
    """A service of ours that speaks REST: Lambda, API Gateway."""

    def handle(
        self, method: str, path: str, query: dict[str, str], body: bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]: ...


Shortcut = Callable[[dict[str, object]], dict[str, object] | None]
"""Answers a JSON call of a service that is otherwise moto's, or gives None when the call is moto's after all."""


Form = Callable[[str, str], tuple[int, str] | None]
"""Answers a call in the older protocol, by action and body: HTTP status and document, or None when it is moto's."""


class Recorder(Protocol):
    """Keeps what calls change. ``begin`` and ``done`` stand around every call, ``settle`` before every answer."""

    def begin(self, call: Call) -> None: ...
    def done(self, call: Call, status: int) -> None: ...
    def settle(self) -> None: ...


class _Answer(msgspec.Struct, frozen=True):
    """What goes back: HTTP status, headers beside the usual ones, and the body or, in its place, events."""

    status: int
    content_type: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    events: EventStream | None = None


Subscriber = Callable[[dict[str, object]], EventStream]
"""Answers a JSON call with events."""


class _Route(msgspec.Struct, frozen=True):
    """Who answers a call: ``answer`` gives None when it is moto's to answer after all.

    Args:
        name: for the log and for messages.
        answer: raises ApiError for what the service refuses.
        refusal: the answer that says an ApiError as this service says it.
        failure: the error code of a defect of ours.
    """

    name: str
    answer: Callable[[], _Answer | None]
    refusal: Callable[[ApiError], _Answer]
    failure: str = "InternalFailure"


class Front:
    """A WSGI application that chooses the service by ``X-Amz-Target``, path and signature.

    Args:
        moto: what answers all that is not ours (moto).
        apis: our JSON services by name: ``kinesis``, ``firehose``, ``athena``, ``codedeploy``.
        functions: our Lambda API.
        gateway: our API Gateway, and what it serves.
        stacks: CloudFormation's answers for our stack.
        control: answers under ``/_twin/``.
        subscribers: by whole ``X-Amz-Target``, what answers calls whose answers go on.
        forms: by signing name, what answers calls in the older protocol; None from it is moto's to answer.
        shortcuts: by whole ``X-Amz-Target``, what answers some calls of a service that is otherwise moto's.
        admits: whether a call may come in now; others are answered 503, which clients try again.
        recorder: keeps what calls change.

    Only callers on this machine are served: a foreign ``Host`` or ``Origin``, as a web page's script would send, is
    refused, since nothing here asks for a password; an API that was made here is asked by whom it lets.
    """

    def __init__(
        self,
        moto: "WSGIApplication",
        *,
        apis: Mapping[str, JsonApi] | None = None,
        functions: RestApi | None = None,
        gateway: ApiGatewayApi | None = None,
        stacks: StackApi | None = None,
        control: Control | None = None,
        shortcuts: Mapping[str, Shortcut] | None = None,
        subscribers: Mapping[str, Subscriber] | None = None,
        forms: Mapping[str, Form] | None = None,
        admits: Callable[["WSGIEnvironment"], bool] = lambda _: True,
        recorder: Recorder | None = None,
    ) -> None:
        self._moto = moto
        self._apis = dict(apis or {})
        self._functions = functions
        self._gateway = gateway
        self._stacks = stacks or StackApi()
        self._control = control
        self._shortcuts = dict(shortcuts or {})
        self._subscribers = dict(subscribers or {})
        self._forms = dict(forms or {})
        self._admits = admits
        self._recorder = recorder

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "/")
        # An API that was made here asks for a key, a token or a signature, and says itself which pages may read it.
        if not _from_here(environ, any_page=path.startswith(PREFIX)):
            return _plain(start_response, 403, "only programs on this machine are served: use http://127.0.0.1:PORT\n")
        if path.startswith("/_twin/"):
            return self._run(environ, start_response, self._control_route(environ, path))
        if not self._admits(environ):
            return _plain(start_response, 503, "the runtime is starting; try again in a moment\n")
        if path.startswith(PREFIX) and self._gateway is not None and _signing_name(environ) not in _CONTROL:
            return self._run(environ, start_response, self._served(environ, self._gateway))
        route = self._route(environ, path)
        if self._recorder is None:
            return self._run(environ, start_response, route)
        return self._recorded(environ, start_response, route, self._recorder)

    def _recorded(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", route: _Route | None, recorder: Recorder
    ) -> Iterable[bytes]:
        raw = _body(environ)
        _restore(environ, raw)
        call = Call(
            method=environ["REQUEST_METHOD"],
            target=environ.get("RAW_URI") or environ.get("PATH_INFO", "/"),
            headers={**_header_fields(environ), "content-type": environ.get("CONTENT_TYPE", "")},
            body=raw,
            service=_signing_name(environ),
        )
        given: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            given[:] = [(status, headers)]

        recorder.begin(call)
        body = self._run(environ, cast("StartResponse", start), route)
        status, headers = given[0]
        try:
            recorder.done(call, int(status.split()[0]))
            recorder.settle()
        except StoreError as error:
            kind, said = error_body(call.service, "InternalFailure", str(error))
            return _send(start_response, _Answer(500, kind, said))
        start_response(status, headers)
        return body

    def _run(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", route: _Route | None
    ) -> Iterable[bytes]:
        """Answers by a route, or by moto; the one place where our services' errors become answers."""
        if route is None:
            return self._moto(environ, start_response)
        raw = _body(environ)
        _restore(environ, raw)
        try:
            answer = route.answer()
        except ApiError as error:
            answer = route.refusal(error)
        except Exception as error:
            _log_defect(route.name, error)
            message = f"{route.name} failed in the twin with {type(error).__name__}; its log says where"
            answer = route.refusal(ApiError(route.failure, message, 500))
        if answer is None:
            _restore(environ, raw)
            return self._moto(environ, start_response)
        return _send(start_response, answer)

    def _route(self, environ: "WSGIEnvironment", path: str) -> _Route | None:
        """Who answers; None for moto."""
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target:
            prefix, _, action = target.rpartition(".")
            if target in self._subscribers:
                return _Route(target, lambda: self._subscribed(environ, target), _json_refusal)
            service = OUR_TARGETS.get(prefix)
            if service is not None:
                return _Route(f"{service}.{action}", lambda: self._json(environ, service, action), _json_refusal)
            if target in self._shortcuts:
                content_type = environ.get("CONTENT_TYPE") or _JSON_TYPE
                return _Route(
                    target,
                    lambda: self._shortcut(environ, target, content_type),
                    lambda error: _json_refusal(error, content_type),
                )
        signed_for = _signing_name(environ)
        if signed_for == "lambda" or (not signed_for and path.startswith(_LAMBDA_PATHS)):
            return _Route(
                "lambda", lambda: self._rest(environ, path, self._functions), _json_refusal, "ServiceException"
            )
        if signed_for == "apigateway" and self._gateway is not None:
            gateway = self._gateway
            return _Route("apigateway", lambda: self._rest(environ, path, gateway), _json_refusal)
        if signed_for == "cloudformation":
            return _Route("cloudformation", lambda: self._stack(environ), _stack_refusal)
        if signed_for in self._forms and not target:
            return _Route(signed_for, lambda: self._form(environ, signed_for), _json_refusal)
        if signed_for in _OUR_SIGNING_NAMES:
            message = f"expected an X-Amz-Target of {', '.join(OUR_TARGETS)}; received {target[:100]!r}"
            return _Route(signed_for, lambda: _refuse("UnknownOperationException", message), _json_refusal)
        return None

    def _json(self, environ: "WSGIEnvironment", service: str, action: str) -> _Answer:
        api = self._apis.get(service)
        if api is None:
            return _refuse("UnknownOperationException", f"this twin runs without its {service} service")
        return _Answer(200, _JSON_TYPE, msgspec.json.encode(api.call(action, _json_body(environ))))

    def _subscribed(self, environ: "WSGIEnvironment", target: str) -> _Answer:
        return _Answer(200, CONTENT_TYPE, b"", events=self._subscribers[target](_json_body(environ)))

    def _shortcut(self, environ: "WSGIEnvironment", target: str, content_type: str) -> _Answer | None:
        answer = self._shortcuts[target](_json_body(environ))
        return None if answer is None else _Answer(200, content_type, msgspec.json.encode(answer))

    def _rest(self, environ: "WSGIEnvironment", path: str, api: RestApi | None) -> _Answer:
        if api is None:
            return _refuse("UnknownOperationException", "this twin runs without its lambda service", 404)
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        # The path as sent: an ARN in it has its colons and slashes encoded.
        raw_path = environ.get("RAW_URI", path).partition("?")[0]
        status, headers, body = api.handle(
            environ["REQUEST_METHOD"], raw_path, query, _body(environ), _header_fields(environ)
        )
        return _Answer(status, "application/json", body, tuple(headers.items()))

    def _served(self, environ: "WSGIEnvironment", gateway: ApiGatewayApi) -> _Route:
        """A request to an API that was made here. The calls that it leads to are recorded, each by itself."""

        def answer() -> _Answer:
            query = environ.get("QUERY_STRING", "")
            headers = {**_header_fields(environ), "content-type": environ.get("CONTENT_TYPE", "")}
            given = gateway.serve(
                Request(
                    environ["REQUEST_METHOD"],
                    environ.get("RAW_URI", "").partition("?")[0],
                    dict(parse_qsl(query, keep_blank_values=True)),
                    headers,
                    _body(environ),
                    query,
                    environ["wsgi.url_scheme"],
                )
            )
            return _Answer(given.status, "text/plain", given.body, tuple(given.headers.items()))

        return _Route("execute-api", answer, _json_refusal)

    def _stack(self, environ: "WSGIEnvironment") -> _Answer | None:
        text = _body(environ).decode("utf-8", "replace") or environ.get("QUERY_STRING", "")
        form = dict(parse_qsl(text, keep_blank_values=True))
        if not self._stacks.answers(form):
            return None
        return _Answer(200, "text/xml", self._stacks.call(form).encode())

    def _form(self, environ: "WSGIEnvironment", service: str) -> _Answer | None:
        text = _body(environ).decode("utf-8", "replace") or environ.get("QUERY_STRING", "")
        found = self._forms[service](dict(parse_qsl(text)).get("Action", ""), text)
        return None if found is None else _Answer(found[0], "text/xml", found[1].encode())

    def _control_route(self, environ: "WSGIEnvironment", path: str) -> _Route:
        def answer() -> _Answer:
            if self._control is None:
                return _Answer(503, "text/plain; charset=utf-8", b"the twin is still starting\n")
            query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
            status, body = self._control.handle(environ["REQUEST_METHOD"], path, query, _body(environ))
            return _Answer(status, "application/json", body)

        def refusal(error: ApiError) -> _Answer:
            return _Answer(error.status, "application/json", msgspec.json.encode({"message": error.message}))

        return _Route(path, answer, refusal)


def _from_here(environ: "WSGIEnvironment", *, any_page: bool) -> bool:
    host = environ.get("HTTP_HOST", "127.0.0.1").lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name not in _LOOPBACK_NAMES and not name.endswith(".localhost"):
        return False
    origin = environ.get("HTTP_ORIGIN", "").lower()
    if not origin or any_page:
        return True
    _, _, rest = origin.partition("://")
    return (rest.rpartition(":")[0] or rest) in _LOOPBACK_NAMES


def _header_fields(environ: "WSGIEnvironment") -> dict[str, str]:
    return {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}


def _signing_name(environ: "WSGIEnvironment") -> str:
    """The service a request was signed for, or nothing: Credential=KEY/DATE/REGION/SERVICE/aws4_request."""
    _, found, rest = environ.get("HTTP_AUTHORIZATION", "").partition("Credential=")
    if not found:
        return ""
    scope = rest.partition(",")[0].split("/")
    return str(scope[-2]).lower() if len(scope) >= 5 else ""


def _body(environ: "WSGIEnvironment") -> bytes:
    length = environ.get("CONTENT_LENGTH") or "0"
    return bytes(environ["wsgi.input"].read(int(length))) if length.isdigit() else b""


def _restore(environ: "WSGIEnvironment", body: bytes) -> None:
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


def _json_body(environ: "WSGIEnvironment") -> dict[str, object]:
    raw = _body(environ)
    if not raw:
        return {}
    try:
        body = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise ApiError("SerializationException", "the body is not a JSON document") from error
    if not isinstance(body, dict):
        raise ApiError("SerializationException", "the body is not a JSON object")
    return body


def asking(application: "WSGIApplication", region: str) -> Callable[[str, str, bytes], tuple[int, bytes]]:
    """A call to a service by its X-Amz-Target through a door, signed with a role's key, or with the gateway's own.

    Args:
        application: the door.
        region: of the runtime.
    """

    def ask(role: str, target: str, body: bytes) -> tuple[int, bytes]:
        key, service = key_of(role) if role else "gateway", target.partition("_")[0].lower()
        scope = f"{key}/20260101/{region}/{service}/aws4_request"
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "RAW_URI": "/",
            "QUERY_STRING": "",
            "CONTENT_TYPE": _JSON_TYPE if target.startswith("Kinesis") else "application/x-amz-json-1.0",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_HOST": "127.0.0.1",
            "HTTP_X_AMZ_TARGET": target,
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.errors": None,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        given: list[int] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            given[:] = [int(status.split()[0])]

        answer = b"".join(application(environ, cast("StartResponse", start)))
        return given[0], answer

    return ask


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"{code} Unknown"


def _send(start_response: "StartResponse", answer: _Answer) -> Iterable[bytes]:
    usual = [("Content-Type", answer.content_type), ("x-amzn-RequestId", str(uuid4()))]
    if answer.events is None:
        usual.append(("Content-Length", str(len(answer.body))))
    given = {name.lower() for name, _ in answer.headers}
    start_response(_status(answer.status), [*answer.headers, *(pair for pair in usual if pair[0].lower() not in given)])
    return [answer.body] if answer.events is None else answer.events


def _refuse(code: str, message: str, status: int = 400) -> _Answer:
    raise ApiError(code, message, status)


def _json_refusal(error: ApiError, content_type: str = _JSON_TYPE) -> _Answer:
    body = msgspec.json.encode({"__type": error.code, "message": error.message})
    return _Answer(error.status, content_type, body, (("x-amzn-ErrorType", error.code),))


def _stack_refusal(error: ApiError) -> _Answer:
    return _Answer(error.status, "text/xml", error_document(error, str(uuid4())).encode())


def _plain(start_response: "StartResponse", status: int, text: str) -> Iterable[bytes]:
    return _send(start_response, _Answer(status, "text/plain; charset=utf-8", text.encode()))


def _log_defect(where: str, error: Exception) -> None:
    """Where it broke, without the error's own text: that may quote what a user wrote."""
    frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
    _logger.error("%s failed: %s\n%s", where, type(error).__name__, frames)
