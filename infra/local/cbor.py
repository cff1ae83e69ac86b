"""AWS's JSON protocol written in CBOR, as Java's SDK and the Kinesis Client Library write it to Kinesis.

A call comes in as CBOR, goes on as JSON, and its answer goes back as CBOR; no service behind sees the difference.
"""

from collections.abc import Callable, Iterable
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import cbor2
import msgspec
from pybase64 import b64decode, b64encode

from infra.local.eventstream import EventStream

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from botocore.model import ServiceModel, Shape

CBOR: Final = "application/x-amz-cbor-1.1"
_JSON: Final = "application/x-amz-json-1.1"
_EPOCH: Final = 1
_DEEPEST: Final = 100

# botocore's name of each service that the runtime has and that speaks AWS JSON, by the prefix of its X-Amz-Target.
_SERVICES: Final = {
    "AWSEvents": "events",
    "AWSGlue": "glue",
    "AmazonAthena": "athena",
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "DynamoDB_20120810": "dynamodb",
    "Firehose_20150804": "firehose",
    "Kinesis_20131202": "kinesis",
    "Logs_20140328": "logs",
    "TrentService": "kms",
}


class CborError(ValueError):
    """The bytes are no CBOR document of an AWS call."""


class CborDoor:
    """A WSGI application that lets calls in CBOR through to one that knows JSON only.

    Args:
        application: answers everything; calls in JSON reach it as they are.
    """

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if environ.get("CONTENT_TYPE") != CBOR or "HTTP_X_AMZ_TARGET" not in environ:
            return self._application(environ, start_response)
        prefix, _, action = environ["HTTP_X_AMZ_TARGET"].rpartition(".")
        try:
            body = msgspec.json.encode(decode(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))))
        except CborError as error:
            refusal = {"__type": "SerializationException", "message": str(error)}
            start_response("400 Bad Request", [("Content-Type", CBOR), ("x-amzn-ErrorType", "SerializationException")])
            return [cbor2.dumps(refusal)]
        environ |= {"CONTENT_TYPE": _JSON, "CONTENT_LENGTH": str(len(body)), "wsgi.input": BytesIO(body)}
        given: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], object]:
            given[:] = [(status, headers)]
            return lambda data: None

        chunks = self._application(environ, start)
        status, headers = given[0] if given else ("", [])
        if isinstance(chunks, EventStream):
            start_response(status, headers)
            shape = _event(prefix, action)
            return chunks.encoded(CBOR, lambda document: encode(document, shape if document else None))
        answer = b"".join(chunks)
        status, headers = given[0]
        try:
            document = msgspec.json.decode(answer) if answer else {}
        except msgspec.DecodeError:
            # No service's answer: the door's own refusal, in plain text.
            start_response(status, headers)
            return [answer]
        kept = [pair for pair in headers if pair[0].lower() not in ("content-type", "content-length")]
        encoded = encode(document, _output(prefix, action) if status.startswith("2") else None)
        start_response(status, [*kept, ("Content-Type", CBOR), ("Content-Length", str(len(encoded)))])
        return [encoded]


def decode(raw: bytes) -> object:
    """What AWS's JSON would say: bytes as base64, a time as seconds since 1970.

    Args:
        raw: one CBOR item; nothing is the empty structure.

    Raises:
        CborError: it is none, or holds what JSON cannot say.

    >>> decode(bytes.fromhex("bf6444617461426869ff"))
    {'Data': 'aGk='}
    """
    if not raw:
        return {}
    try:
        found = cbor2.loads(raw, semantic_decoders={_EPOCH: _seconds}, max_depth=_DEEPEST, strict_hashable_types=True)
    except Exception as error:
        raise CborError("the body is not a CBOR document") from error
    return _plain(found)


def _seconds(value: float, _immutable: bool) -> float:
    # AWS's SDKs write and read milliseconds here, whatever CBOR says of tag 1.
    return value / 1000


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise CborError("the body has a name that is no text")
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | float) or (isinstance(value, int) and value.bit_length() < 64):
        return value
    raise CborError(
        f"the body holds {type(value).__name__}; expected text, bytes, numbers of 64 bits, times, lists, maps"
    )


def encode(document: object, shape: "Shape | None" = None) -> bytes:
    """CBOR of an answer.

    Args:
        document: as in JSON.
        shape: says which texts are bytes and which numbers are times; None takes all as they are.

    >>> encode({"message": "no"}).hex()
    'a1676d657373616765626e6f'
    """
    return bytes(cbor2.dumps(document if shape is None else _typed(document, shape)))


def _typed(value: Any, shape: "Shape") -> object:
    if value is None:
        return None
    kind = shape.type_name
    if kind == "structure":
        members = shape.members
        return {name: _typed(one, members[name]) if name in members else one for name, one in value.items()}
    if kind == "list":
        return [_typed(one, shape.member) for one in value]
    if kind == "map":
        return {name: _typed(one, shape.value) for name, one in value.items()}
    if kind == "blob":
        return b64decode(value)
    if kind == "timestamp":
        return cbor2.CBORTag(_EPOCH, round(value * 1000))
    return value


@cache
def _output(prefix: str, action: str) -> "Shape | None":
    model = _model(prefix)
    if model is None or action not in model.operation_names:
        return None
    return model.operation_model(action).output_shape


@cache
def _event(prefix: str, action: str) -> "Shape | None":
    """The shape of the event that an action's answer goes on with."""
    shape = _output(prefix, action)
    members = shape.members["EventStream"].members if shape is not None else {}
    return next((member for name, member in members.items() if name.endswith("Event")), None)


@cache
def _model(prefix: str) -> "ServiceModel | None":
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    name = _SERVICES.get(prefix)
    return ServiceModel(Loader().load_service_model(name, "service-2"), name) if name else None
