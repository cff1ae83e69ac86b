"""The routes: which request is answered by what, who may ask, and how often."""

from collections.abc import Callable, Generator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
from msgspec import Struct

from consumers.moderation.moderator import Moderator
from consumers.scoring import errors, moderate, multipart
from consumers.scoring.attributes import AttributeScorer
from consumers.scoring.discovery import document as discovery_document
from consumers.scoring.errors import FormError
from consumers.scoring.forms import AnalyzeRequest, read_analyze, read_suggest
from consumers.scoring.messages import JSON, Request, Response, Steps, finish
from consumers.scoring.perspective import Perspective
from consumers.scoring.ports import Client, Keys, Quota, Submission, Submissions
from consumers.scoring.problems import ProblemError
from consumers.scoring.warming import USUAL, rarer

ANALYZE = "/v1alpha1/comments:analyze"
SUGGEST = "/v1alpha1/comments:suggestscore"
DISCOVERY = "/$discovery/rest"
BATCH = "/batch"
MODERATE = "/v1/moderate"

_PAUSE_EVERY = 8
"""Texts of a batch between two pauses: about a millisecond."""
_TELL_AFTER = ("retry-after", "60")


class Settings(Struct, frozen=True):
    """How the routes answer.

    Args:
        default_language: what a text in Latin letters is taken for that says too little.
        cors_origins: origins whose pages may ask; ``*``: all.
    """

    default_language: str = "en"
    cors_origins: tuple[str, ...] = ()


class Service:
    """Answers requests. Safe to use from several threads at once, as far as its ports are.

    Args:
        moderator: the policy.
        keys: who may ask.
        quota: how often.
        submissions: where texts go that are to be kept; None: nowhere.
        settings: how it answers.
    """

    def __init__(
        self,
        moderator: Moderator,
        *,
        keys: Keys,
        quota: Quota,
        submissions: Submissions | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._settings = settings or Settings()
        self._moderator = moderator
        self._scorer = AttributeScorer(moderator)
        self._perspective = Perspective(self._scorer, default_language=self._settings.default_language)
        self._moderation = moderate.Moderation(moderator)
        self._keys = keys
        self._quota = quota
        self._submissions = submissions
        self._routes: Mapping[str, tuple[str, str, Callable[[Request], Response]]] = {
            ANALYZE: ("POST", "analyze", self._analyze),
            SUGGEST: ("POST", "suggestscore", self._suggest),
            DISCOVERY: ("GET", "discovery", self._discovery),
        }

    def warm_up(self, *, wholly: bool = False) -> None:
        """Does once what is slow the first time.

        Args:
            wholly: also what only rare texts need, about two seconds' work and 110 MB under the default policy.
        """
        if wholly:
            spoken = {language for one in self._scorer.attributes.values() for language in one.languages}
            for text, language in rarer(self._moderator, sorted(spoken)):
                self._moderation.verdict(moderate.Item(text, language=language))
        for text in USUAL:
            item = moderate.Item(text, language="en")
            self._moderation.verdict(item)
            body = {"comment": {"text": text}, "languages": ["en"], "spanAnnotations": True, "doNotStore": True}
            body["requestedAttributes"] = {name: {} for name in self._scorer.attributes}
            if self._scorer.attributes:
                self._perspective.analyze(msgspec.convert(body, AnalyzeRequest))

    def answer(self, request: Request) -> Response:
        """The answer to one request."""
        return finish(self.steps(request))

    def steps(self, request: Request) -> Steps:
        """The answer to one request, with pauses between the texts of a batch."""
        path = unquote(request.path)
        if request.method == "OPTIONS":
            response = Response(204, route="preflight")
        elif path == MODERATE:
            response = yield from self._moderate(request)
        elif path == BATCH or path.startswith(f"{BATCH}/"):
            response = yield from self._batch(request)
        else:
            response = self._single(path, request)
        return self._with_cors(request, response)

    def _single(self, path: str, request: Request) -> Response:
        method, route, answer = self._routes.get(path, ("", "unknown", None))
        if answer is None:
            if path.startswith("/v1/"):
                return ProblemError(404, f"there is no such route; allowed: POST {MODERATE}").response(route=route)
            return errors.not_found().response(route=route)
        if request.method != method and not (method == "GET" and request.method == "HEAD"):
            return errors.wrong_method(method).response(route=route, headers=(("allow", method),))
        try:
            return answer(request)
        except FormError as error:
            headers = (_TELL_AFTER,) if error.code == 429 else ()
            return error.response(route=route, headers=headers, client=self._name_of(request))

    def _analyze(self, request: Request) -> Response:
        client = self._client(request)
        asked = read_analyze(request.body)
        document, scores = self._perspective.analyze(asked)
        if self._submissions is not None and not asked.doNotStore:
            self._submissions.submit(_submission(asked, scores, client))
        return Response(200, msgspec.json.encode(document), (JSON,), "analyze", client.name, 1)

    def _suggest(self, request: Request) -> Response:
        client = self._client(request)
        document = self._perspective.suggest(read_suggest(request.body))
        return Response(200, msgspec.json.encode(document), (JSON,), "suggestscore", client.name)

    def _discovery(self, request: Request) -> Response:
        if (key := key_of(request)) is not None and key and self._keys.find(key) is None:
            raise errors.bad_key()
        document = discovery_document(request.origin, self._scorer.attributes)
        return Response(200, msgspec.json.encode(document), (JSON,), "discovery")

    def _client(self, request: Request) -> Client:
        key = key_of(request)
        if not key:
            raise errors.no_key()
        client = self._keys.find(key)
        if client is None:
            raise errors.bad_key()
        if not self._quota.take(client):
            raise errors.over_quota(client.per_minute)
        return client

    def _name_of(self, request: Request) -> str:
        key = key_of(request)
        client = self._keys.find(key) if key else None
        return client.name if client is not None else ""

    def _batch(self, request: Request) -> Generator[None, None, Response]:
        if request.method != "POST":
            return errors.wrong_method("POST").response(route="batch", headers=(("allow", "POST"),))
        try:
            parts = multipart.read(request.body, multipart.boundary_of(request.headers.get("content-type", "")))
        except FormError as error:
            return error.response(route="batch")
        shared = {name: value for name, value in request.headers.items() if name in ("x-goog-api-key", "authorization")}
        # What leads to this service in the caller's addresses leads to it in the parts' as well.
        base = urlsplit(request.origin).path
        answers: list[tuple[str, Response]] = []
        for number, part in enumerate(parts):
            headers = shared | dict(part.headers)
            path = part.path.removeprefix(base)
            inner = Request(part.method, path, part.query, headers, part.body, request.origin)
            answers.append((part.content_id, self._single(unquote(path), inner)))
            if number % _PAUSE_EVERY == 0:
                yield
        boundary = multipart.boundary_for([one.body for _, one in answers])
        content_type = ("content-type", f"multipart/mixed; boundary={boundary}")
        texts = sum(one.texts for _, one in answers)
        client = next((one.client for _, one in answers if one.client), "")
        return Response(200, multipart.write(answers, boundary), (content_type,), "batch", client, texts)

    def _moderate(self, request: Request) -> Generator[None, None, Response]:
        try:
            client = self._known(request)
        except ProblemError as problem:
            return problem.response(route="moderate")
        try:
            items, is_batch = moderate.read(request.body)
            self._count(client, len(items))
        except ProblemError as problem:
            return problem.response(route="moderate", client=client.name)
        results: list[Mapping[str, Any]] = []
        for number, item in enumerate(items):
            results.append(
                {"problem": item.document()} if isinstance(item, ProblemError) else self._moderation.verdict(item)
            )
            if number % _PAUSE_EVERY == _PAUSE_EVERY - 1:
                yield
        if self._submissions is not None:
            for one in moderate.submissions(items, client.name):
                self._submissions.submit(one)
        policy = self._moderation.policy
        document = {"policy": policy, "results": results} if is_batch else {**results[0], "policy": policy}
        return Response(200, msgspec.json.encode(document), (JSON,), "moderate", client.name, len(items))

    def _count(self, client: Client, texts: int) -> None:
        if not self._quota.take(client, texts):
            detail = f"this key may send {client.per_minute:,} texts a minute; send again in the next one"
            raise ProblemError(429, detail, headers=(_TELL_AFTER,))

    def _known(self, request: Request) -> Client:
        if request.method != "POST":
            raise ProblemError(405, f"received {request.method}; use POST", headers=(("allow", "POST"),))
        key = key_of(request)
        if key and (client := self._keys.find(key)) is not None:
            return client
        detail = "this key is not known" if key else "no key was sent"
        advice = "; send a good one as Authorization: Bearer KEY or X-API-Key: KEY"
        raise ProblemError(401, detail + advice, headers=(("www-authenticate", "Bearer"),))

    def _with_cors(self, request: Request, response: Response) -> Response:
        origin = request.headers.get("origin")
        allowed = self._settings.cors_origins
        if not origin or not ("*" in allowed or origin in allowed):
            return response
        headers = [("access-control-allow-origin", "*" if "*" in allowed else origin), ("vary", "Origin")]
        if request.method == "OPTIONS":
            asked = request.headers.get("access-control-request-headers", "content-type")
            headers += [
                ("access-control-allow-methods", "GET, POST, OPTIONS"),
                ("access-control-allow-headers", "".join(one for one in asked if one.isalnum() or one in "-, ")),
                ("access-control-max-age", "3600"),
            ]
        return msgspec.structs.replace(response, headers=(*response.headers, *headers))


def key_of(request: Request) -> str | None:
    """The key that a request carries, in its query or its headers; None: it carries none.

    >>> key_of(Request("GET", "/", "alt=json&key=a%2Bb")), key_of(Request("GET", "/", "", {"x-api-key": "c"}))
    ('a+b', 'c')
    """
    if "key=" in request.query:
        for name, value in parse_qsl(request.query, keep_blank_values=True, max_num_fields=100):
            if name == "key":
                return value
    for header in ("x-goog-api-key", "x-api-key"):
        if given := request.headers.get(header):
            return given
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _submission(asked: AnalyzeRequest, scores: Mapping[str, float], client: Client) -> Submission:
    context = {f"score.{name}": str(value) for name, value in scores.items()}
    if asked.sessionId:
        context["session_id"] = asked.sessionId[:1024]
    if asked.communityId:
        context["community_id"] = asked.communityId[:1024]
    language = asked.languages[0] if asked.languages else None
    return Submission(asked.comment.text, client.name, language, context=context)
