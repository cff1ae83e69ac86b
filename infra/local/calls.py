"""Which operation a request asks for and with which parameters, by the SDK's own description of the service."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

_TARGETS = {
    "Kinesis_20131202": "kinesis",
    "Firehose_20150804": "firehose",
    "AmazonAthena": "athena",
    "CodeDeploy_20141006": "codedeploy",
    "DynamoDB_20120810": "dynamodb",
    "AWSEvents": "events",
    "AmazonSQS": "sqs",
    "AWSGlue": "glue",
    "Logs_20140328": "logs",
    "TrentService": "kms",
    "GraniteServiceVersion20100801": "monitoring",
}
"""``X-Amz-Target``'s prefix, by which a service is known whatever a request was signed for."""
_MODELS = {"s3": "s3", "lambda": "lambda", "bedrock": "bedrock-runtime"}
"""Services that speak REST, and the SDK's description of each."""
_OTHER_ENDPOINT = frozenset({"ListDirectoryBuckets"})
"""Has the form of another operation, and an endpoint of its own."""
_KEYS = re.compile(rb"<Key>([^<]*)</Key>")


@dataclass(frozen=True)
class Call:
    """``service`` as requests are signed for it, ``operation`` and parameters as its API names them."""

    service: str
    operation: str
    given: Mapping[str, Any]


def call_of(
    *, method: str, target: str, path: str, query: str, headers: Mapping[str, str], body: bytes, signed_for: str
) -> Call | None:
    """The call that a request is; None when it is none that is known.

    Args:
        target: the header ``X-Amz-Target``, or nothing.
        path: as sent, percent-encoded.
        headers: in lower case.
        signed_for: the service in the signature's scope, or nothing.

    >>> call_of(method="GET", target="", path="/b", query="list-type=2&prefix=a", headers={}, body=b"", signed_for="s3")
    Call(service='s3', operation='ListObjectsV2', given={'Bucket': 'b', 'Prefix': 'a'})
    """
    if target:
        prefix, _, operation = target.rpartition(".")
        return Call(_TARGETS.get(prefix, signed_for), operation, _json(body))
    if signed_for in _MODELS:
        return _rest(signed_for, method, path, query, headers, body)
    form = dict(parse_qsl(body.decode("utf-8", "replace") or query, keep_blank_values=True))
    if "Action" in form:
        return Call(signed_for, form.pop("Action"), form)
    found = re.fullmatch(r"/service/[^/]+/operation/([A-Za-z0-9]+)", path)
    if found:
        return Call(signed_for, found[1], {})
    return _rest(signed_for, method, path, query, headers, body) if signed_for else None


class _Form(msgspec.Struct, frozen=True):
    """An operation's form: where its path has which parameter, and what a request has to have beside."""

    operation: str
    method: str
    path: re.Pattern[str]
    names: tuple[str, ...]
    query: frozenset[tuple[str, str]]
    asked: frozenset[str]
    headers: frozenset[str]
    texts: Mapping[str, str]
    """By the query's own name, the parameter's."""


def _rest(service: str, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Call | None:
    asked = dict(parse_qsl(query, keep_blank_values=True))
    fitting = []
    for form in _forms(service):
        found = form.path.fullmatch(path) if form.method == method else None
        if found is None or not form.asked <= set(asked) or not form.headers <= set(headers):
            continue
        if all(asked.get(name) == value or (not value and name in asked) for name, value in form.query):
            weight = (len(form.query) + len(form.asked) + len(form.headers), -len(form.names))
            fitting.append((weight, form.operation, form, found))
    if not fitting:
        return None
    _, operation, form, found = max(fitting, key=lambda one: one[:2])
    given: dict[str, Any] = {} if service == "s3" else _json(body)
    given |= {name: unquote(value) for name, value in zip(form.names, found.groups(), strict=True)}
    given |= {form.texts[name]: value for name, value in asked.items() if name in form.texts}
    if service == "s3":
        if "x-amz-copy-source" in headers:
            given["CopySource"] = unquote(headers["x-amz-copy-source"])
        if operation == "DeleteObjects":
            given["Keys"] = [one.decode("utf-8", "replace") for one in _KEYS.findall(body)]
    return Call(service, operation, given)


@cache
def _forms(service: str) -> tuple[_Form, ...]:
    from botocore.exceptions import UnknownServiceError
    from botocore.loaders import Loader

    try:
        model = Loader().load_service_model(_MODELS.get(service, service), "service-2")
    except UnknownServiceError:
        return ()
    made = []
    for name, operation in model["operations"].items():
        if name in _OTHER_ENDPOINT:
            continue
        http = operation["http"]
        path, _, query = http["requestUri"].partition("?")
        names = re.findall(r"\{([A-Za-z0-9]+)\+?\}", path)
        pattern = re.sub(r"\\\{[A-Za-z0-9]+\\\+\\\}", "(.+)", re.escape(path))
        pattern = re.sub(r"\\\{[A-Za-z0-9]+\\\}", "([^/]+)", pattern)
        shape = model["shapes"].get(operation.get("input", {}).get("shape", ""), {})
        members, required = shape.get("members", {}), set(shape.get("required", ()))
        located = {key: (one.get("location"), one.get("locationName", key)) for key, one in members.items()}
        texts = {what: key for key, (kind, what) in located.items() if kind == "querystring"}
        made.append(
            _Form(
                operation=name,
                method=http["method"],
                # A bucket's own path may end with a slash.
                path=re.compile(pattern.removesuffix("/") + "/?"),
                names=tuple(names),
                query=frozenset(
                    (key, value) for key, value in parse_qsl(query, keep_blank_values=True) if key != "x-id"
                ),
                asked=frozenset(what for what, key in texts.items() if key in required),
                headers=frozenset(
                    what.lower() for key, (kind, what) in located.items() if kind == "header" and key in required
                ),
                texts=texts,
            )
        )
    return tuple(made)


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body) if body else {}
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
