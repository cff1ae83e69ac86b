"""Requests that the content API must refuse: what is sent, and the part of it that the answer must name."""

import gzip
import json
from typing import Any, NamedTuple

EVENT: dict[str, Any] = {
    "schema_version": 1,
    "event_id": "0192f3a4-7c1e-7000-8000-00000000dead",
    "content_id": "comment:hostile",
    "author_id": "author-of-the-event",
    "surface": "comment",
    "created_at": "2026-11-20T11:59:00.123456Z",
    "text": "hello",
}
MEDIA = {"uri": "s3://bucket/key", "mime_type": "image/png"}
ONE, MANY = "/v1/content", "/v1/content:batch"


class Hostile(NamedTuple):
    """A request.

    Args:
        name: of the case.
        names: what the answer's pointer must be.
        status: of the answer.
    """

    name: str
    names: str
    body: bytes = b""
    method: str = "POST"
    path: str = ONE
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 400
    with_key: bool = True


def _with(name: str, field: str, value: Any, **others: Any) -> Hostile:
    return Hostile(name, f"#/{field}", json.dumps({**EVENT, **others, field: value}).encode())


def _without(field: str) -> Hostile:
    rest = {key: value for key, value in EVENT.items() if key != field}
    return Hostile(f"no {field}", f"#/{field}", json.dumps(rest).encode())


def _raw(name: str, names: str, old: str, new: str) -> Hostile:
    """The event with a piece of its JSON text replaced."""
    text = json.dumps(EVENT)
    assert old in text
    return Hostile(name, names, text.replace(old, new).encode("utf-8", "surrogatepass"))


_VERSION = '"schema_version": 1'
_INJECTIONS = {
    "json": 'x","PartitionKey":"y',
    "records": 'x"}],"StreamName":"other","Records":[{"Data":"eA==',
    "template call": '$util.base64Encode("x")',
    "template directive": "#set($detail = '')#end",
    "template variable": "$context.identity.apiKeyId",
    "stage variable": "${stageVariables.stream}",
    "expression": "x' OR '1'='1",
    "line": "x\r\nX-Evil: 1",
    "markup": "<script>alert(1)</script>",
    "zero": "x\u0000",
    "direction": "x\u202ey",
    "letters": "соntent",
}

_FIELDS = [
    *(_without(field) for field in EVENT),
    *(
        _with(f"schema_version {value!r}", "schema_version", value)
        for value in ("1", 1.5, 2, 0, -1, None, True, [1], {"a": 1})
    ),
    _raw("schema_version 1.0", "#/schema_version", _VERSION, '"schema_version": 1.0'),
    _raw("schema_version 1e400", "#/schema_version", _VERSION, '"schema_version": 1e400'),
    _raw("schema_version of 300 digits", "#/schema_version", _VERSION, f'"schema_version": {"9" * 300}'),
    *(
        _with(f"event_id {name}", "event_id", value)
        for name, value in {
            "number": 5,
            "nothing": None,
            "empty": "",
            "upper case": EVENT["event_id"].upper(),
            "braces": f"{{{EVENT['event_id']}}}",
            "too long": EVENT["event_id"] + "0",
            "line end": EVENT["event_id"] + "\n",
            "other digits": EVENT["event_id"].replace("0", "٠"),
        }.items()
    ),
    *(_with(f"content_id with {name}", "content_id", text) for name, text in _INJECTIONS.items()),
    *(
        _with(f"content_id {name}", "content_id", value)
        for name, value in {"empty": "", "too long": "x" * 129, "list": ["x"], "number": 5, "path": "../x"}.items()
    ),
    _with("author_id with json", "author_id", _INJECTIONS["json"]),
    _with("parent_id with json", "parent_id", _INJECTIONS["json"]),
    *(_with(f"surface {value!r}", "surface", value) for value in (None, 5, {"a": "b"})),
    *(
        _with(f"created_at {value!r}"[:40], "created_at", value)
        for value in (
            *(1_700_000_000, "2026-11-20", "2026-11-20T11:59:00", "2026-W47-5T11:59:00Z", "2026-11-20T24:00:00Z"),
            *("2026-13-20T11:59:00Z", "2026-11-32T11:59:00Z", "2026-11-20T11:59:00.1234567Z", "99999-01-01T00:00:00Z"),
            *("2026-11-20T11:59:00+05:00:30", "2026-11-20T11:59:00Z\n", "２０２６-11-20T11:59:00Z"),
        )
    ),
    *(_with(f"text {value!r}", "text", value) for value in (None, 5, True, ["x"], {"a": "b"}, "")),
    _with("text of 65537 bytes", "text", "x" * 65_537),
    _with("text of 65538 bytes", "text", "x" * 65_538),
    _with("text of 65537 bytes in fewer characters", "text", "é" * 32_768 + "x"),
    Hostile("text empty beside no media", "#/media", json.dumps({**EVENT, "text": "", "media": []}).encode()),
    *(
        _with(f"language {value!r}"[:40], "language", value)
        for value in (None, 5, "x", "en us", "en" + "-abcdefgh" * 7)
    ),
    *(_with(f"hold {value!r}", "hold", value) for value in (None, 1, "true")),
    *(
        _with(f"media {name}", "media", value)
        for name, value in {
            "object": MEDIA,
            "nothing": None,
            "17 items": [MEDIA] * 17,
            "of texts": ["x"],
            "of nothing": [None],
            "without uri": [{"mime_type": "image/png"}],
            "uri empty": [{**MEDIA, "uri": ""}],
            "uri too long": [{**MEDIA, "uri": "x" * 2049}],
            "uri number": [{**MEDIA, "uri": 5}],
            "mime_type too short": [{**MEDIA, "mime_type": "ab"}],
            "sha256 upper case": [{**MEDIA, "sha256": "A" * 64}],
            "unknown member": [{**MEDIA, "size": 1}],
            "second wrong": [MEDIA, {}],
        }.items()
    ),
    *(
        _with(f"context {name}", "context", value)
        for name, value in {
            "list": [],
            "nothing": None,
            "text": "x",
            "33 entries": {str(number): "" for number in range(33)},
            "number in it": {"a": 1},
            "nothing in it": {"a": None},
            "object in it": {"a": {"b": "c"}},
            "list in it": {"a": ["b"]},
            "too long": {"a": "x" * 1025},
            "name too long": {"x" * 129: ""},
            "method": {"get": "x", "keySet": 1},
        }.items()
    ),
    *(
        _with(f"replay {value!r}"[:40], "replay", value)
        for value in (None, {}, {"run_id": "r", "arrived_at": "2026-11-20T11:59:00Z"})
    ),
    *(_with(f"unknown {name}", name, 1) for name in ("langauge", "__proto__", "constructor", "Text", "containsKey")),
]

_UNNAMEABLE = [
    Hostile(f"unknown {name!r}", "#", json.dumps({**EVENT, name: 1}).encode())
    for name in ('x","y', "text ", "$context", "#stop", "te\u0000xt", "тext", "x" * 65)
]

_TWICE = [
    _raw("text twice", "#/text", '"text": "hello"', '"text": "hello", "text": 5'),
    _raw("content_id twice", "#/content_id", '"text": "hello"', '"text": "hello", "content_id": "a b"'),
    _raw("replay twice", "#/replay", '"text": "hello"', '"replay": {"run_id": "r"}, "text": "hello", "replay": null'),
    _raw("field escaped", "#/replay", '"text": "hello"', '"text": "hello", "repl\\u0061y": null'),
]

_WHOLE = [
    *(
        Hostile(f"body {name}", "#", body)
        for name, body in {
            "truncated": json.dumps(EVENT).encode()[:-1],
            "two documents": json.dumps(EVENT).encode() * 2,
            "list": b"[]",
            "null": b"null",
            "number": b"1",
            "text": b'"x"',
            "byte order mark": b"\xef\xbb\xbf" + json.dumps(EVENT).encode(),
            "utf-16": json.dumps(EVENT).encode("utf-16"),
            "not utf-8": json.dumps(EVENT).encode().replace(b"hello", b"\xff\xfe"),
            "latin-1": json.dumps({**EVENT, "text": "ü"}, ensure_ascii=False).encode("latin-1"),
            "single quotes": str(EVENT).encode(),
            "comment": b"/* x */" + json.dumps(EVENT).encode(),
            "deep list": b"[" * 100_000,
            "deep object": json.dumps(EVENT)[:-1].encode() + b', "context": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
            "NaN": json.dumps({**EVENT, "schema_version": float("nan")}).encode(),
            "infinity": json.dumps({**EVENT, "schema_version": float("-inf")}).encode(),
            "leading zero": json.dumps(EVENT).replace(_VERSION, '"schema_version": 01').encode(),
            "line end in a text": json.dumps(EVENT).encode().replace(b"hello", b"hel\nlo"),
            "zero in a text": json.dumps(EVENT).encode().replace(b"hello", b"hel\x00lo"),
            "half a character": json.dumps(EVENT).encode().replace(b"hello", b"\\ud800"),
            "trailing comma": json.dumps(EVENT).encode()[:-1] + b",}",
            "digits without end": json.dumps(EVENT).replace(_VERSION, f'"schema_version": {"9" * 5_000}').encode(),
        }.items()
    ),
    Hostile("body empty", "#/schema_version"),
    Hostile("body gzipped", "#", gzip.compress(json.dumps(EVENT).encode()), headers=(("Content-Encoding", "gzip"),)),
    Hostile("body of 11 MB", "#", json.dumps({**EVENT, "text": "x" * 11_000_000}).encode(), status=413),
]


def _batch(name: str, names: str, document: Any, status: int = 400) -> Hostile:
    return Hostile(f"batch {name}", names, json.dumps(document).encode(), path=MANY, status=status)


_BATCHES = [
    _batch("without events", "#/events", {}),
    _batch("of one event itself", "#/events", EVENT),
    *(_batch(f"events {value!r}", "#/events", {"events": value}) for value in (None, [], {}, "x", 5)),
    _batch("of 501", "#/events", {"events": [EVENT] * 501}),
    _batch("too large in all", "#/events", {"events": [{**EVENT, "text": "x" * 60_000}] * 70}, 413),
    _batch("of a text", "#/events/0", {"events": ["x"]}),
    _batch("of nothing", "#/events/0", {"events": [None]}),
    _batch("of lists", "#/events/0", {"events": [[EVENT]]}),
    _batch("with a wrong text", "#/events/0/text", {"events": [{**EVENT, "text": 5}]}),
    _batch("with a replay", "#/events/0/replay", {"events": [{**EVENT, "replay": None}]}),
    *(
        _batch(f"with {name} in content_id", "#/events/0/content_id", {"events": [{**EVENT, "content_id": text}]})
        for name, text in _INJECTIONS.items()
    ),
    _batch("with what separates", "#/events/0/author_id", {"events": [{**EVENT, "author_id": "a~b|c"}]}),
]

_HEADERS = [
    *(
        Hostile(
            f"type {kind}"[:60],
            "/content-type",
            json.dumps(EVENT).encode(),
            headers=(("Content-Type", kind),),
            status=415,
        )
        for kind in (
            *("text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data; boundary=x"),
            *(
                "application/json2",
                "application/json, text/plain",
                "APPLICATION/PROBLEM+JSON",
                "application/x-amz-json-1.1",
            ),
        )
    ),
    Hostile("no key", "/x-api-key", json.dumps(EVENT).encode(), status=403, with_key=False),
    *(
        Hostile(
            f"key {name}",
            "/x-api-key",
            json.dumps(EVENT).encode(),
            headers=(("x-api-key", key),),
            status=403,
            with_key=False,
        )
        for name, key in {"unknown": "k" * 40, "short": "x", "two": "a,b", "template": "$context.apiId"}.items()
    ),
    Hostile(
        "key in the address",
        "/x-api-key",
        json.dumps(EVENT).encode(),
        path=f"{ONE}?x-api-key=k",
        status=403,
        with_key=False,
    ),
]

_IDS = [
    Hostile(f"id {text}"[:40], "/id", method="GET", path=f"/v1/content/{text}")
    for text in (
        *(
            "%22",
            "a%20b",
            "%00",
            "a%0d%0ab",
            "x" * 129,
            "%24context.apiId",
            "%7Bid%7D",
            "%C3%BC",
            "a%2Bb",
            "a%25b",
            "a%7Eb",
        ),
        *("%7B%22S%22%3A%22x%22%7D", "%27%20OR%20%271", "%23set"),
    )
]

_ROUTES = [
    *(
        Hostile(f"method {method}", "/authorization", json.dumps(EVENT).encode(), method=method, status=403)
        for method in ("PUT", "PATCH", "DELETE", "BREW")
    ),
    *(
        Hostile(f"path {path}", "/authorization", json.dumps(EVENT).encode(), path=path, status=403)
        for path in (
            *("/v1/content/", "/v1//content", "/V1/content", "/v1/content%2Fx", "/v1/content/x/../../content"),
            *("/v1/content;x=1", "/v1/content%00", "/v1/content%0d%0aX-Evil:1", "/../live/v1/content", "/v1"),
        )
    ),
]

HOSTILE = [*_FIELDS, *_UNNAMEABLE, *_TWICE, *_WHOLE, *_BATCHES, *_HEADERS, *_IDS, *_ROUTES]
