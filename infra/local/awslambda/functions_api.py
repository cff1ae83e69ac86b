"""Lambda's REST API over the functions and event source mappings of the laptop runtime.

The code of a function is not uploaded: whatever ``Code`` says, the handler is imported from this checkout, so a change
to it is live after the next CreateFunction or UpdateFunctionCode without any packaging. Versions, aliases, layers,
concurrency and resource policies are not modelled; their paths are refused by name.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import unquote
from uuid import NAMESPACE_URL, uuid5

import msgspec

from infra.local.awslambda.api import EventSourceApi, refused
from infra.local.awslambda.functions import Function, Functions, FunctionSettings
from infra.local.clock import Clock
from infra.local.errors import ApiError

ASYNC_ATTEMPTS = 3
_FUNCTION_NAME = re.compile(r"(arn:aws:lambda:[a-z0-9-]+:\d{12}:function:)?[a-zA-Z0-9-_]{1,64}")
_SETTINGS = {
    "Handler": "handler",
    "Role": "role",
    "Timeout": "timeout_seconds",
    "MemorySize": "memory_mb",
    "Runtime": "runtime",
    "Description": "description",
}

Answer = tuple[int, dict[str, str], bytes]
Query = Mapping[str, str]


class LambdaApi:
    """Answers Lambda calls.

    Args:
        functions: the registered functions.
        mappings: the event source mappings.
        clock: where the time is read.
    """

    def __init__(self, functions: Functions, mappings: EventSourceApi, clock: Clock) -> None:
        self.functions = functions
        self.mappings = mappings
        self.clock = clock
        function = r"/functions/([^/]+)"
        mapping = r"/event-source-mappings/([^/]+)/?"
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            ("POST", re.compile(r"/functions/?"), self._create),
            ("GET", re.compile(r"/functions/?"), self._list),
            ("GET", re.compile(function), self._get),
            ("DELETE", re.compile(function), self._delete),
            ("GET", re.compile(function + "/configuration"), self._configuration),
            ("PUT", re.compile(function + "/configuration"), self._update),
            ("PUT", re.compile(function + "/code"), self._update_code),
            ("POST", re.compile(function + "/invocations"), self._invoke),
            ("POST", re.compile(r"/event-source-mappings/?"), self._create_mapping),
            ("GET", re.compile(r"/event-source-mappings/?"), self._list_mappings),
            ("GET", re.compile(mapping), self._get_mapping),
            ("PUT", re.compile(mapping), self._update_mapping),
            ("DELETE", re.compile(mapping), self._delete_mapping),
        ]

    def handle(
        self, method: str, path: str, query: dict[str, str], body: bytes, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The status, headers and body for one request.

        Args:
            path: as sent, starting with the API's date.
            query: the query parameters.
            headers: the request's, names in lower case; ``x-amz-invocation-type`` matters to Invoke.
        """
        self_path = re.sub(r"^/\d{4}-\d{2}-\d{2}", "", path)
        try:
            for verb, pattern, handler in self._routes:
                match = pattern.fullmatch(self_path)
                if match and verb == method:
                    return handler(*(unquote(part) for part in match.groups()), query, body, headers or {})
        except ApiError as error:
            return _error(error)
        message = f"{method} {path} is not modelled by the laptop runtime's Lambda."
        return _error(ApiError("UnknownOperationException", message, 404))

    def _create(self, query: Query, body: bytes, headers: Query) -> Answer:
        request = _decode(body)
        name = _text(request, "FunctionName")
        if not _FUNCTION_NAME.fullmatch(name):
            raise refused(f"FunctionName {name!r}: 1 to 64 letters, digits, - and _ are allowed.")
        handler, role = _text(request, "Handler"), _text(request, "Role")
        settings = FunctionSettings(name=name.rpartition(":")[2], handler=handler, role=role)
        function = self.functions.create(self._changed(settings, request))
        return _json(201, self._document(function))

    def _list(self, query: Query, body: bytes, headers: Query) -> Answer:
        names = [name for name in self.functions.names() if name > query.get("Marker", "")]
        size = int(query.get("MaxItems", "50"))
        answer: dict[str, object] = {"Functions": [self._document(self.functions.get(name)) for name in names[:size]]}
        if len(names) > size:
            answer["NextMarker"] = names[size - 1]
        return _json(200, answer)

    def _get(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        function = self.functions.get(name)
        answer: dict[str, object] = {
            "Configuration": self._document(function),
            "Code": {"RepositoryType": "checkout"},
        }
        if function.settings.tags:
            answer["Tags"] = dict(function.settings.tags)
        return _json(200, answer)

    def _configuration(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(200, self._document(self.functions.get(name)))

    def _update(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        function = self.functions.get(name)
        function.configure(self._changed(function.settings, _decode(body)))
        return _json(200, self._document(function))

    def _update_code(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        function = self.functions.get(name)
        function.configure(replace(function.settings, modified_at=self.clock.now()))
        return _json(200, self._document(function))

    def _delete(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        self.functions.delete(name)
        return 204, {}, b""

    def _invoke(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        function = self.functions.get(name)
        if kind == "DryRun":
            return 204, {}, b""
        if kind == "Event":
            threading.Thread(target=self._invoke_later, args=(function.arn, body), daemon=True).start()
            return 202, {}, b""
        if kind != "RequestResponse":
            raise refused(f"InvocationType {kind!r}: RequestResponse, Event and DryRun are allowed.")
        done = self.functions.invoke(function.arn, body)
        answered = {"Content-Type": "application/json", "X-Amz-Executed-Version": "$LATEST"}
        answered["x-amzn-RequestId"] = done.request_id
        if done.error is not None:
            answered["X-Amz-Function-Error"] = done.error
        return 200, answered, done.payload

    def _invoke_later(self, name: str, body: bytes) -> None:
        # Lambda tries an asynchronous event twice more; on a laptop there is no point in waiting minutes in between.
        for _ in range(ASYNC_ATTEMPTS):
            if self.functions.invoke(name, body).error is None:
                return

    def _create_mapping(self, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(202, self.mappings.create(_decode(body)))

    def _list_mappings(self, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(200, self.mappings.list(query))

    def _get_mapping(self, uuid: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(200, self.mappings.get(uuid))

    def _update_mapping(self, uuid: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(202, self.mappings.update(uuid, _decode(body)))

    def _delete_mapping(self, uuid: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(202, self.mappings.delete(uuid))

    def _changed(self, settings: FunctionSettings, request: Mapping[str, object]) -> FunctionSettings:
        changes = {ours: request[theirs] for theirs, ours in _SETTINGS.items() if request.get(theirs) is not None}
        for name, low, high in (("Timeout", 1, 900), ("MemorySize", 128, 10_240)):
            value = request.get(name)
            if value is not None and (not isinstance(value, int) or not low <= value <= high):
                raise refused(f"{name} {value!r}: an integer from {low} to {high} is allowed.")
        environment = request.get("Environment")
        if environment is not None:
            variables = environment.get("Variables", {}) if isinstance(environment, Mapping) else None
            if not isinstance(variables, Mapping) or not all(isinstance(value, str) for value in variables.values()):
                raise refused("Environment must be a structure whose Variables are strings.")
            changes["environment"] = dict(variables)
        if request.get("Layers"):
            raise refused(
                "Layers are not modelled by the laptop runtime: what a handler imports comes from the checkout."
            )
        architectures = request.get("Architectures")
        if isinstance(architectures, list) and architectures:
            changes["architecture"] = str(architectures[0])
        tags = request.get("Tags")
        if isinstance(tags, Mapping):
            changes["tags"] = {str(key): str(value) for key, value in tags.items()}
        handler = changes.get("handler", settings.handler)
        if not isinstance(handler, str) or "." not in handler.strip("."):
            raise refused(f"Handler {handler!r}: module.function is needed.")
        return replace(settings, modified_at=self.clock.now(), **changes)  # type: ignore[arg-type]

    def _document(self, function: Function) -> dict[str, object]:
        settings = function.settings
        modified = datetime.fromtimestamp(settings.modified_at, UTC)
        document: dict[str, object] = {
            "FunctionName": settings.name,
            "FunctionArn": function.arn,
            "Runtime": settings.runtime,
            "Role": settings.role,
            "Handler": settings.handler,
            "CodeSize": 0,
            "Description": settings.description,
            "Timeout": settings.timeout_seconds,
            "MemorySize": settings.memory_mb,
            "LastModified": modified.strftime("%Y-%m-%dT%H:%M:%S.") + f"{modified.microsecond // 1000:03d}+0000",
            "Version": "$LATEST",
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
            "Architectures": [settings.architecture],
            "RevisionId": str(uuid5(NAMESPACE_URL, f"{function.arn}@{settings.modified_at}")),
        }
        if settings.environment:
            document["Environment"] = {"Variables": dict(settings.environment)}
        return document


def _text(request: Mapping[str, object], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise refused(f"{name} is required, a string.")
    return value


def _decode(body: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, object])
    except ValueError as error:
        raise ApiError("InvalidRequestContentException", f"The request body is not a JSON object: {error}") from None


def _json(status: int, document: Mapping[str, object]) -> Answer:
    return status, {"Content-Type": "application/json"}, msgspec.json.encode(document)


def _error(error: ApiError) -> Answer:
    kind = "User" if error.status < 500 else "Server"
    body = msgspec.json.encode({"Type": kind, "message": error.message})
    return error.status, {"Content-Type": "application/json", "x-amzn-errortype": error.code}, body
