"""Requests that `streamkeeper serve` must refuse: what is sent, the status, and what the answer must name."""

import gzip
import json
from typing import Any, NamedTuple

PLAIN, ANALYZE = "/v1/moderate", "/v1alpha1/comments:analyze"
SUGGEST, BATCH, DISCOVERY = "/v1alpha1/comments:suggestscore", "/batch", "/$discovery/rest"
TEXT = "a text that nobody may see again"


class Hostile(NamedTuple):
    """A request.

    Args:
        name: of the case.
        names: what the answer must say: a pointer, or a word of the form's message.
        status: of the answer.
        with_key: whether a good key goes with it.
    """

    name: str
    names: str
    body: bytes = b""
    path: str = PLAIN
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 400
    with_key: bool = True


def _plain(name: str, names: str, document: Any) -> Hostile:
    return Hostile(f"plain: {name}", names, json.dumps(document).encode())


def _field(field: str, value: Any) -> Hostile:
    return _plain(f"{field} {value!r}"[:60], f"#/{field}", {"text": TEXT, field: value})


def _raw(name: str, body: bytes, names: str = "#") -> Hostile:
    return Hostile(f"plain: {name}", names, body)


def _form(name: str, names: str, path: str = ANALYZE, **fields: Any) -> Hostile:
    document = {"comment": {"text": TEXT}, "languages": ["en"], "requestedAttributes": {"TOXICITY": {}}, **fields}
    return Hostile(f"form: {name}", names, json.dumps(document).encode(), path)


_GOOD = json.dumps({"text": TEXT}).encode()
_ANALYZE = json.dumps({"comment": {"text": TEXT}, "requestedAttributes": {"TOXICITY": {}}}).encode()

_BODIES = [
    _raw("nothing", b""),
    _raw("truncated", _GOOD[:-1]),
    _raw("two documents", _GOOD * 2),
    _raw("list", b"[]"),
    _raw("null", b"null"),
    _raw("number", b"1"),
    _raw("text", b'"x"'),
    _raw("byte order mark", b"\xef\xbb\xbf" + _GOOD),
    _raw("utf-16", _GOOD.decode().encode("utf-16")),
    _raw("latin-1", json.dumps({"text": "ü"}, ensure_ascii=False).encode("latin-1")),
    _raw("overlong utf-8", b'{"text": "\xc0\xaf"}'),
    _raw("surrogate in utf-8", b'{"text": "\xed\xa0\x80"}'),
    _raw("half a character", b'{"text": "\\ud800"}'),
    _raw("halves in the wrong order", b'{"text": "\\udc00\\ud800"}'),
    _raw("deep list", b"[" * 100_000),
    _raw("deep object", b'{"text": ' * 50_000),
    _raw("deep, and whole", b'{"text": "x", "id": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"),
    _raw("zero in a text", b'{"text": "a\x00b"}'),
    _raw("line end in a text", b'{"text": "a\nb"}'),
    _raw("single quotes", str({"text": TEXT}).encode()),
    _raw("trailing comma", _GOOD[:-1] + b",}"),
    _raw("comment", b"/* x */" + _GOOD),
    _raw("form", b"text=x&key=y"),
    _raw("xml", b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><text>&e;</text>"),
    Hostile("plain: gzipped", "#", gzip.compress(_GOOD), headers=(("Content-Encoding", "gzip"),)),
    Hostile("plain: of 5 MB", "limit", json.dumps({"text": "x" * 5_000_000}).encode(), status=413),
]

_FIELDS = [
    _plain("no text", "#/text", {}),
    *(_field("text", value) for value in (None, 5, True, 1.5, ["x"], {"a": "b"})),
    _field("text", "x" * 65_537),
    _field("text", "é" * 32_769),
    *(_field("id", value) for value in (5, [], {"$gt": ""}, "x" * 129)),
    *(_field("surface", value) for value in (None, 5, "", "A", "a b", "a\n", "x" * 33, "../x", "сomment")),
    *(_field("language", value) for value in (5, "", "x", "en us", "en\n", "en" + "-abcdefgh" * 9)),
    *(_field("author_id", value) for value in (5, "", "a b", "x" * 129, "a'; DROP TABLE verdicts; --", "${jndi:x}")),
    *(_field("do_not_store", value) for value in (None, 1, "false")),
    *(_field(name, 1) for name in ("Text", "txt", "__proto__", "constructor", "policy", "$where")),
    _raw("number of 5,000 digits", b'{"text": "x", "id": ' + b"9" * 5_000 + b"}", "#/id"),
    _raw("number 1e400", b'{"text": "x", "do_not_store": 1e400}', "#/do_not_store"),
    _raw("NaN", b'{"text": NaN}'),
    _raw("field twice, wrong at last", b'{"text": "x", "text": 5}', "#/text"),
    _raw("field twice, wrong at first", b'{"text": 5, "text": "x"}', "#/text"),
    _raw("field escaped", b'{"text": "x", "sur\\u0066ace": 5}', "#/surface"),
]

_MANY = [
    *(_plain(f"items {value!r}", "#/items", {"items": value}) for value in (None, [], {}, "x", 5)),
    _plain("501 items", "#/items", {"items": [{"text": TEXT}] * 501}),
    _plain("items beside a text", "#/text", {"items": [{"text": TEXT}], "text": TEXT}),
    _raw("items twice, wrong at last", b'{"items": [{"text": "x"}], "items": 5}', "#/items"),
]

_FORM = [
    _form("comment a number", "comment", comment=5),
    _form("text a list", "comment.text", comment={"text": ["x"]}),
    _form("text empty", "non-empty", comment={"text": " \n\t"}),
    _form("text of 20,481 bytes", "20480", comment={"text": "x" * 20_481}),
    _form("text is HTML", "PLAIN_TEXT", comment={"text": TEXT, "type": "HTML"}),
    _form("type unknown", "comment.type", comment={"text": TEXT, "type": "SHELL"}),
    _form("field unknown", "commentary", commentary=1),
    _form("field unknown inside", "markup", comment={"text": TEXT, "markup": 1}),
    _form("no attributes", "requested_attributes", requestedAttributes={}),
    _form("attributes a list", "requestedAttributes", requestedAttributes=["TOXICITY"]),
    _form("attribute unknown", "CURIOSITY", requestedAttributes={"CURIOSITY": {}}),
    _form("attribute injected", "TOXICITY';--", requestedAttributes={"TOXICITY';--": {}}),
    _form("score type unknown", "scoreType", requestedAttributes={"TOXICITY": {"scoreType": "MAGIC"}}),
    _form("threshold a text", "scoreThreshold", requestedAttributes={"TOXICITY": {"scoreThreshold": "high"}}),
    _form("language unknown", "TOXICITY", languages=["xx"]),
    _form("languages numbers", "languages", languages=[1]),
    _form("do not store a text", "doNotStore", doNotStore="yes"),
    _form(
        "two contexts", "Context can have either", context={"entries": [{"text": "x"}], "articleAndParentComment": {}}
    ),
    _form("suggested without a score", "attributeScores", SUGGEST, attributeScores=5, requestedAttributes=None),
    Hostile("form: truncated", "JSON", _ANALYZE[:-1], ANALYZE),
    Hostile("form: not utf-8", "UTF-8", _ANALYZE.replace(b"nobody", b"\xff\xfe"), ANALYZE),
    Hostile("form: half a character", "JSON", _ANALYZE.replace(b"nobody", b"\\ud800"), ANALYZE),
    Hostile("form: deep", "deep", b'{"comment": ' * 50_000, ANALYZE),
    Hostile("form: list", "message", b"[]", ANALYZE),
    Hostile("form: of 5 MB", "limit", b"x" * 5_000_000, ANALYZE, status=413),
    Hostile("batch: no boundary", "boundary", b"x", BATCH, headers=(("Content-Type", "multipart/mixed"),)),
    Hostile("batch: JSON", "multipart", b"{}", BATCH, headers=(("Content-Type", "application/json"),)),
]

_CALLERS = [
    Hostile("no key", "no key", _GOOD, status=401, with_key=False),
    *(
        Hostile(f"key {name}", "not known", _GOOD, headers=(("X-API-Key", key),), status=401, with_key=False)
        for name, key in {"unknown": "k" * 40, "short": "x", "a path": "../../keys", "long": "k" * 5_000}.items()
    ),
    Hostile("form: no key", "API Key", _ANALYZE, ANALYZE, status=403, with_key=False),
    Hostile("form: key unknown", "API key", _ANALYZE, f"{ANALYZE}?key=k%00", with_key=False),
    Hostile("metrics without a key", "key", path="/metrics", method="GET", status=401, with_key=False),
]

_ROUTES = [
    Hostile("GET of verdicts", "POST", method="GET", status=405),
    *(Hostile(f"{method} of verdicts", "POST", _GOOD, method=method, status=405) for method in ("PUT", "DELETE")),
    *(Hostile(f"{method} of verdicts", "POST", _GOOD, method=method, status=405) for method in ("PATCH", "BREW")),
    Hostile("GET of scores", "POST", path=ANALYZE, method="GET", status=405),
    Hostile("GET of a batch", "POST", path=BATCH, method="GET", status=405),
    Hostile("POST of discovery", "GET", b"{}", DISCOVERY, status=405),
    *(
        Hostile(f"path {path}", "", _GOOD, path, status=404)
        for path in (
            *("/", "/v1", "/v1/", "/v1/moderate/", "/v1//moderate", "/v1/moderate/..;/metrics", "/v1/../healthz"),
            *("/v1/%2e%2e/keys", "/v1/moderate%00", "/v1/moderate%0d%0aX-Evil:1", "/V1/MODERATE", "/static/../../etc"),
        )
    ),
    Hostile("host that is none", "host", _GOOD, headers=(("Host", "evil.example/@x"),)),
]

HOSTILE = [*_BODIES, *_FIELDS, *_MANY, *_FORM, *_CALLERS, *_ROUTES]

FRAMED = {
    "two lengths": b"POST /v1/moderate HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n{}xx",
    "negative length": b"POST /v1/moderate HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n{}",
    "length with a sign": b"POST /v1/moderate HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\n{}",
    "chunk that is none": b"POST /v1/moderate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "coding unknown": b"POST /v1/moderate HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cow\r\n\r\n{}",
    "zero in a header": b"POST /v1/moderate HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\nContent-Length: 2\r\n\r\n{}",
    "folded header": b"POST /v1/moderate HTTP/1.1\r\nHost: a\r\nX: a\r\n X-Api-Key: KEY\r\nContent-Length: 2\r\n\r\n{}",
    "space before a colon": b"POST /v1/moderate HTTP/1.1\r\nHost: a\r\nX-Api-Key : KEY\r\nContent-Length: 2\r\n\r\n{}",
    "version": b"POST /v1/moderate HTTP/9.9\r\nHost: a\r\n\r\n",
    "no version": b"POST /v1/moderate\r\n\r\n",
    "header of a megabyte": b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n",
}
"""By name, bytes of a request whose framing deceives: refused, or the line is cut."""
