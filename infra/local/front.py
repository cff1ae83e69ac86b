"""The one door of the twin: every AWS call comes in here and goes to our own service or to moto beneath."""

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec

from infra.local.cloudformation.cloudformation import StackApi, error_document
from infra.local.control import Control
from infra.local.errors import ApiError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_logger = logging.getLogger(__name__)

# X-Amz-Target's prefix of each service that is ours: moto has one by that name, and it is not what AWS does.
OUR_TARGETS = {"Kinesis_20131202": "kinesis", "Firehose_20150804": "firehose", "AmazonAthena": "athena"}
_OUR_SIGNING_NAMES = {"kinesis": "kinesis", "firehose": "firehose", "athena": "athena", "lambda": "lambda"}
_LAMBDA_PATHS = ("/2015-03-31/", "/2014-11-13/", "/2017-03-31/", "/2017-10-31/", "/2018-10-31/", "/2019-09-25/")
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")


class JsonApi(Protocol):
    """A service of ours that speaks AWS JSON 1.1."""

    def call(self, action: str, body: dict[str, object]) -> dict[str, object]: ...


class RestApi(Protocol):
    """A service of ours that speaks REST: Lambda."""

    def handle(
        self, method: str, path: str, query: dict[str, str], body: bytes, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]: ...


Shortcut = Callable[[dict[str, object]], dict[str, object] | None]
"""Answers a JSON call of a service that is otherwise moto's, or gives None when the call is moto's after all."""


class Front:
    """A WSGI application that chooses the service by ``X-Amz-Target``, path and signature.

    Args:
        beneath: what answers all that is not ours (moto).
        apis: our JSON services by name: ``kinesis``, ``firehose``, ``athena``.
        functions: our Lambda API.
        stacks: CloudFormation's answers for our stack.

    Only callers on this machine are served: a foreign ``Host`` or ``Origin``, as a web page's script would send, is
    refused, since nothing here asks for a password.
    """

    def __init__(
        self,
        beneath: "WSGIApplication",
        *,
        apis: Mapping[str, JsonApi] | None = None,
        functions: RestApi | None = None,
        stacks: StackApi | None = None,
        control: Control | None = None,
    ) -> None:
        self._beneath = beneath
        self._apis = dict(apis or {})
        self._functions = functions
        self._stacks = stacks or StackApi()
        self._control = control
        self._shortcuts: dict[str, Shortcut] = {}

    def serve(
        self,
        *,
        apis: Mapping[str, JsonApi],
        functions: RestApi | None = None,
        shortcuts: Mapping[str, Shortcut] | None = None,
    ) -> None:
        """Takes up services of ours: they need the address that this is served at before they can be made.

        Args:
            shortcuts: by whole ``X-Amz-Target``, what answers some calls of a service that is otherwise moto's.
        """
        self._apis.update(apis)
        self._shortcuts.update(shortcuts or {})
        self._functions = functions or self._functions

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if not _from_here(environ):
            return _plain(start_response, 403, "only programs on this machine are served: use http://127.0.0.1:PORT\n")
        path: str = environ.get("PATH_INFO", "/")
        if path.startswith("/_twin/"):
            return self._serve_control(environ, start_response, path)
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target:
            prefix, _, action = target.rpartition(".")
            service = OUR_TARGETS.get(prefix)
            if service is not None:
                return self._serve_json(environ, start_response, service, action)
            if target in self._shortcuts:
                return self._serve_shortcut(environ, start_response, target)
        signed_for = _signing_name(environ)
        if signed_for == "lambda" or (not signed_for and path.startswith(_LAMBDA_PATHS)):
            return self._serve_functions(environ, start_response, path)
        if signed_for == "cloudformation":
            return self._serve_stacks(environ, start_response)
        if signed_for in _OUR_SIGNING_NAMES:
            message = f"expected an X-Amz-Target of {', '.join(OUR_TARGETS)}; received {target[:100]!r}"
            return _json_error(start_response, ApiError("UnknownOperationException", message))
        return self._beneath(environ, start_response)

    def _serve_json(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", service: str, action: str
    ) -> Iterable[bytes]:
        api = self._apis.get(service)
        if api is None:
            message = f"this twin runs without its {service} service"
            return _json_error(start_response, ApiError("UnknownOperationException", message))
        try:
            answer = api.call(action, _json_body(environ))
        except ApiError as error:
            return _json_error(start_response, error)
        except Exception as error:
            _log_defect(f"{service}.{action}", error)
            message = f"{service}.{action} failed in the twin with {type(error).__name__}; its log says where"
            return _json_error(start_response, ApiError("InternalFailure", message, 500))
        body = msgspec.json.encode(answer)
        start_response("200 OK", _headers("application/x-amz-json-1.1", body))
        return [body]

    def _serve_shortcut(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", target: str
    ) -> Iterable[bytes]:
        raw = _body(environ)
        _restore(environ, raw)
        content_type = environ.get("CONTENT_TYPE") or "application/x-amz-json-1.1"
        try:
            answer = self._shortcuts[target](_json_body(environ))
        except ApiError as error:
            return _json_error(start_response, error, content_type)
        except Exception as error:
            _log_defect(target, error)
            message = f"{target} failed in the twin with {type(error).__name__}; its log says where"
            return _json_error(start_response, ApiError("InternalFailure", message, 500), content_type)
        if answer is None:
            _restore(environ, raw)
            return self._beneath(environ, start_response)
        body = msgspec.json.encode(answer)
        start_response("200 OK", _headers(content_type, body))
        return [body]

    def _serve_functions(
        self, environ: "WSGIEnvironment", start_response: "StartResponse", path: str
    ) -> Iterable[bytes]:
        if self._functions is None:
            error = ApiError("UnknownOperationException", "this twin runs without its lambda service", 404)
            return _json_error(start_response, error)
        query = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
        try:
            # The path as sent: an ARN in it has its colons and slashes encoded.
            status, headers, body = self._functions.handle(
                environ["REQUEST_METHOD"],
                environ.get("RAW_URI", path).partition("?")[0],
                query,
                _body(environ),
                _header_fields(environ),
            )
        except ApiError as error:
            return _json_error(start_response, error)
        except Exception as error:
            _log_defect("lambda", error)
            message = f"lambda failed in the twin with {type(error).__name__}; its log says where"
            return _json_error(start_response, ApiError("ServiceException", message, 500))
        given = {name.lower() for name in headers}
        extra = [pair for pair in _headers("application/json", body) if pair[0].lower() not in given]
        start_response(_status(status), [*headers.items(), *extra])
        return [body]

    def _serve_stacks(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body = _body(environ)
        text = body.decode("utf-8", "replace") or environ.get("QUERY_STRING", "")
        form = dict(parse_qsl(text, keep_blank_values=True))
        if not self._stacks.answers(form):
            _restore(environ, body)
            return self._beneath(environ, start_response)
        try:
            status, document = 200, self._stacks.call(form)
        except ApiError as error:
            status, document = error.status, error_document(error, str(uuid4()))
        answer = document.encode()
        start_response(_status(status), _headers("text/xml", answer))
        return [answer]

    def _serve_control(self, environ: "WSGIEnvironment", start_response: "StartResponse", path: str) -> Iterable[bytes]:
        if self._control is None:
            return _plain(start_response, 503, "the twin is still starting\n")
        query = dict(parse_qsl(environ.get("QUERY_STRING", "")))
        try:
            status, body = self._control.handle(environ["REQUEST_METHOD"], path, query)
        except Exception as error:
            _log_defect(path, error)
            status, body = 500, msgspec.json.encode({"message": f"{path} failed with {type(error).__name__}"})
        start_response(_status(status), _headers("application/json", body))
        return [body]


def _from_here(environ: "WSGIEnvironment") -> bool:
    host = environ.get("HTTP_HOST", "127.0.0.1").lower()
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    if name not in _LOOPBACK_NAMES and not name.endswith(".localhost"):
        return False
    origin = environ.get("HTTP_ORIGIN", "").lower()
    if not origin:
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


def _status(code: int) -> str:
    try:
        return f"{code} {HTTPStatus(code).phrase}"
    except ValueError:
        return f"{code} Unknown"


def _headers(content_type: str, body: bytes) -> list[tuple[str, str]]:
    return [
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("x-amzn-RequestId", str(uuid4())),
    ]


def _json_error(
    start_response: "StartResponse", error: ApiError, content_type: str = "application/x-amz-json-1.1"
) -> Iterable[bytes]:
    body = msgspec.json.encode({"__type": error.code, "message": error.message})
    start_response(_status(error.status), [*_headers(content_type, body), ("x-amzn-ErrorType", error.code)])
    return [body]


def _plain(start_response: "StartResponse", status: int, text: str) -> Iterable[bytes]:
    body = text.encode()
    start_response(_status(status), _headers("text/plain; charset=utf-8", body))
    return [body]


def _log_defect(where: str, error: Exception) -> None:
    """Where it broke, without the error's own text: that may quote what a user wrote."""
    frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
    _logger.error("%s failed: %s\n%s", where, type(error).__name__, frames)
