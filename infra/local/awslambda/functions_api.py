"""Lambda's REST API over the functions, layers and event source mappings of the laptop runtime.

Concurrency and asynchronous destinations are not modelled; their paths are refused by name.
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from urllib.parse import unquote
from uuid import NAMESPACE_URL, uuid5

import msgspec

from infra.local.awslambda.api import EventSourceApi
from infra.local.awslambda.configuration import Code, Fetch, changed, document
from infra.local.awslambda.functions import Function, Functions, FunctionSettings, check_json
from infra.local.awslambda.layers import Layers
from infra.local.awslambda.packages import Packages
from infra.local.awslambda.refusals import refused
from infra.local.awslambda.versions import LATEST, Alias, changed_alias, function_name, split
from infra.local.clock import Clock
from infra.local.errors import ApiError

ASYNC_ATTEMPTS = 3
# An account's, by default; told, and of these only the size of unpacked code is enforced.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ACCOUNT_LIMIT = {
    "TotalCodeSize": 75 << 30,
    "CodeSizeUnzipped": 250 << 20,
    "CodeSizeZipped": 50 << 20,
    "ConcurrentExecutions": 1000,
    "UnreservedConcurrentExecutions": 1000,  # nothing is reserved here
}
_FUNCTION_NAME = re.compile(r"(arn:aws:lambda:[a-z0-9-]+:\d{12}:function:)?[a-zA-Z0-9-_]{1,64}")
Answer = tuple[int, dict[str, str], bytes]
Query = Mapping[str, str]


def _no_s3(bucket: str, key: str) -> bytes:
    raise ApiError("NoSuchBucket", "there is no S3 here")


class LambdaApi:
    """Answers Lambda calls.

    Args:
        functions: the registered functions.
        mappings: the event source mappings.
        clock: where the time is read.
        fetch: reads archives from S3.
    """

    def __init__(self, functions: Functions, mappings: EventSourceApi, clock: Clock, *, fetch: Fetch = _no_s3) -> None:
        self.functions = functions
        self.mappings = mappings
        self.clock = clock
        self._packages = Packages()
        self._code = Code(self._packages, fetch)
        self.layers = Layers(functions.arn("").replace(":function:", ":layer:"), self._code, clock)
        self._policies: dict[str, dict[str, dict[str, object]]] = {}
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
            ("POST", re.compile(function + "/versions"), self._publish),
            ("GET", re.compile(function + "/versions"), self._list_versions),
            ("POST", re.compile(function + "/aliases"), self._create_alias),
            ("GET", re.compile(function + "/aliases"), self._list_aliases),
            ("GET", re.compile(function + "/aliases/([^/]+)"), self._get_alias),
            ("PUT", re.compile(function + "/aliases/([^/]+)"), self._update_alias),
            ("DELETE", re.compile(function + "/aliases/([^/]+)"), self._delete_alias),
            ("POST", re.compile(function + "/policy"), self._add_permission),
            ("GET", re.compile(function + "/policy"), self._policy),
            ("DELETE", re.compile(function + r"/policy/([^/]+)"), self._remove_permission),
            ("GET", re.compile(r"/tags/([^/]+)"), self._tags),
            ("GET", re.compile(r"/account-settings/?"), self._account_settings),
            ("GET", re.compile(r"/layers/?"), self._list_layers),
            ("POST", re.compile(r"/layers/([^/]+)/versions"), self._publish_layer),
            ("GET", re.compile(r"/layers/([^/]+)/versions"), self._list_layer_versions),
            ("GET", re.compile(r"/layers/([^/]+)/versions/(\d+)"), self._get_layer),
            ("DELETE", re.compile(r"/layers/([^/]+)/versions/(\d+)"), self._delete_layer),
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
        publish = request.pop("Publish", False)
        settings = replace(self._changed(settings, request), package=self._code.package(request.get("Code")))
        created = self.functions.create(settings)
        return _json(201, document(self.functions.publish(created.arn) if publish is True else created))

    def _list(self, query: Query, body: bytes, headers: Query) -> Answer:
        names = [name for name in self.functions.names() if name > query.get("Marker", "")]
        size = int(query.get("MaxItems", "50"))
        answer: dict[str, object] = {"Functions": [document(self.functions.get(name)) for name in names[:size]]}
        if len(names) > size:
            answer["NextMarker"] = names[size - 1]
        return _json(200, answer)

    def _get(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        function = self.functions.get(qualified(name, query))
        answer: dict[str, object] = {
            "Configuration": document(function),
            "Code": {"RepositoryType": "S3" if function.settings.package else "checkout"},
        }
        if function.settings.tags:
            answer["Tags"] = dict(function.settings.tags)
        return _json(200, answer)

    def _configuration(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(200, document(self.functions.get(qualified(name, query))))

    def _latest(self, name: str) -> Function:
        if split(name)[1] not in ("", LATEST):
            raise refused(f"{name}: a published version never changes; change the function and publish another.")
        return self.functions.get(name)

    def _update(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        function = self._latest(name)
        function.configure(self._changed(function.settings, _decode(body)))
        return _json(200, document(function))

    def _update_code(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        function = self._latest(name)
        package = self._code.package(_decode(body))
        function.configure(replace(function.settings, package=package, modified_at=self.clock.now()))
        if _decode(body).get("Publish") is True:
            return _json(200, document(self.functions.publish(name)))
        return _json(200, document(function))

    # ------------------------------------------------------------------------------------------------ versions

    def _publish(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        request = _decode(body)
        settings = self.functions.get(name).settings
        wanted = request.get("CodeSha256")
        if wanted and wanted != (settings.package.digest if settings.package else ""):
            message = f"CodeSHA256 ({wanted}) is different from current CodeSHA256 in $LATEST."
            raise refused(message)
        version = self.functions.publish(name, description=str(request.get("Description") or ""))
        return _json(201, document(version))

    def _list_versions(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        published = self.functions.versions(name).published
        found = [self.functions.get(name), *(published[number] for number in sorted(published, key=int))]
        return _json(200, {"Versions": [document(one) for one in found]})

    def _create_alias(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        request = _decode(body)
        alias = Alias(name=_text(request, "Name"), version=_text(request, "FunctionVersion"))
        alias = self._changed_alias(alias, request)
        return _json(201, self._alias(name, self.functions.versions(name).put(alias, new=True)))

    def _list_aliases(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        wanted = query.get("FunctionVersion")
        found = sorted(self.functions.versions(name).aliases.items())
        chosen = [one for _, one in found if wanted in (None, one.version, *one.weights)]
        return _json(200, {"Aliases": [self._alias(name, one) for one in chosen]})

    def _get_alias(self, name: str, alias: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(200, self._alias(name, self.functions.versions(name).alias(alias)))

    def _update_alias(self, name: str, alias: str, query: Query, body: bytes, headers: Query) -> Answer:
        versions = self.functions.versions(name)
        changed = self._changed_alias(versions.alias(alias), _decode(body))
        return _json(200, self._alias(name, versions.put(changed, new=False)))

    def _delete_alias(self, name: str, alias: str, query: Query, body: bytes, headers: Query) -> Answer:
        self.functions.versions(name).aliases.pop(alias, None)
        return 204, {}, b""

    def _changed_alias(self, alias: Alias, request: Mapping[str, object]) -> Alias:
        return changed_alias(
            alias,
            version=request.get("FunctionVersion"),
            description=request.get("Description"),
            routing=request.get("RoutingConfig"),
            now=self.clock.now(),
        )

    def _alias(self, name: str, alias: Alias) -> dict[str, object]:
        arn = f"{self.functions.arn(function_name(name))}:{alias.name}"
        found: dict[str, object] = {
            "AliasArn": arn,
            "Name": alias.name,
            "FunctionVersion": alias.version,
            "Description": alias.description,
            "RevisionId": str(uuid5(NAMESPACE_URL, f"{arn}@{alias.modified_at}")),
        }
        if alias.weights:
            found["RoutingConfig"] = {"AdditionalVersionWeights": dict(alias.weights)}
        return found

    # ------------------------------------------------------------------------------------------------ invocations

    def _delete(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        self.functions.delete(qualified(name, query))
        return 204, {}, b""

    def _invoke(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        arn = self.functions.qualified_arn(qualified(name, query))
        if kind == "DryRun":
            return 204, {}, b""
        if kind == "Event":
            check_json(body)
            threading.Thread(target=self._invoke_later, args=(arn, body), daemon=True).start()
            return 202, {}, b""
        if kind != "RequestResponse":
            raise refused(f"InvocationType {kind!r}: RequestResponse, Event and DryRun are allowed.")
        check_json(body)
        done = self.functions.invoke(arn, body)
        answered = {"Content-Type": "application/json", "X-Amz-Executed-Version": done.version}
        answered["x-amzn-RequestId"] = done.request_id
        if done.error is not None:
            answered["X-Amz-Function-Error"] = done.error
        if headers.get("x-amz-log-type") == "Tail":
            answered["X-Amz-Log-Result"] = done.log_result
        return 200, answered, done.payload

    def _invoke_later(self, name: str, body: bytes) -> None:
        # Lambda tries an asynchronous event twice more; on a laptop there is no point in waiting minutes in between.
        # Of a function that is deleted meanwhile nobody hears any more.
        with contextlib.suppress(ApiError):
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

    def _add_permission(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        # Kept and shown; where rights are enforced, REST APIs need it.
        request = _decode(body)
        sid = _text(request, "StatementId")
        principal = str(request.get("Principal", "*"))
        statement: dict[str, object] = {
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"Service": principal} if "." in principal else {"AWS": principal},
            "Action": request.get("Action", "lambda:InvokeFunction"),
            "Resource": self.functions.qualified_arn(qualified(name, query)),
        }
        if request.get("SourceArn"):
            statement["Condition"] = {"ArnLike": {"AWS:SourceArn": request["SourceArn"]}}
        self._policies.setdefault(_policy_of(name, query), {})[sid] = statement
        return _json(201, {"Statement": msgspec.json.encode(statement).decode()})

    def policy_of(self, arn: str) -> dict[str, object] | None:
        """The policy of a function, version or alias by its ARN; None when it has none."""
        statements = self._policies.get(_policy_of(arn, {}))
        if not statements:
            return None
        return {"Version": "2012-10-17", "Id": "default", "Statement": list(statements.values())}

    def _policy(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        policy = self.policy_of(qualified(self.functions.get(name).arn, query))
        if policy is None:
            raise ApiError("ResourceNotFoundException", "The resource you requested does not exist.", 404)
        return _json(200, {"Policy": msgspec.json.encode(policy).decode()})

    def _remove_permission(self, name: str, sid: str, query: Query, body: bytes, headers: Query) -> Answer:
        if self._policies.get(_policy_of(self.functions.get(name).arn, query), {}).pop(sid, None) is None:
            raise ApiError("ResourceNotFoundException", f"Statement {sid} is not found in resource policy.", 404)
        return 204, {}, b""

    def _tags(self, arn: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(200, {"Tags": dict(self.functions.get(arn).settings.tags)})

    def _account_settings(self, query: Query, body: bytes, headers: Query) -> Answer:
        names = self.functions.names()
        packages = [self.functions.get(name).settings.package for name in names]
        usage = {"TotalCodeSize": sum(one.size for one in packages if one), "FunctionCount": len(names)}
        return _json(200, {"AccountLimit": ACCOUNT_LIMIT, "AccountUsage": usage})

    def _list_layers(self, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(200, self.layers.all())

    def _publish_layer(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(201, self.layers.publish(name, _decode(body)))

    def _list_layer_versions(self, name: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(200, self.layers.versions(name))

    def _get_layer(self, name: str, number: str, query: Query, body: bytes, headers: Query) -> Answer:
        return _json(200, self.layers.get(name, number))

    def _delete_layer(self, name: str, number: str, query: Query, body: bytes, headers: Query) -> Answer:
        self.layers.delete(name, number)
        return 204, {}, b""

    def _changed(self, settings: FunctionSettings, request: Mapping[str, object]) -> FunctionSettings:
        return changed(settings, request, layer=self.layers.package, now=self.clock.now())

    def close(self) -> None:
        """Ends the functions' processes and removes their code."""
        self.functions.close()
        self._packages.close()


def qualified(name: str, query: Query) -> str:
    """A function as a request names it, with the version or alias of its query.

    Raises:
        ApiError: InvalidParameterValueException when the two name different ones.

    >>> qualified("moderate", {"Qualifier": "live"})
    'moderate:live'
    """
    asked, given = query.get("Qualifier", ""), split(name)[1]
    if asked and given and asked != given:
        raise refused(f"The derived qualifier {given!r} of the function's name does not match Qualifier {asked!r}.")
    return f"{name}:{asked}" if asked and not given else name


def _policy_of(name: str, query: Query) -> str:
    """The key of a policy: each version and alias has its own."""
    return ":".join(split(qualified(name, query)))


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
