"""A client of the API for programs: score a text, send content in, ask what became of it."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec
from msgspec import Struct

from glue.contract import SCHEMA_VERSION
from glue.ports import Clock
from glue.system_clock import SystemClock
from glue.vocabulary import Action
from producers.api.exchange import Answer, ApiError, Exchange, HttpExchange, RefusedError, UnavailableError, refusal

MAX_EVENTS = 500
MAX_CHARACTERS = 3_900_000
"""Of one request. The API takes 4,000,000 of a batch."""
_PARTIAL_ATTEMPTS = 6
_SHORTEST_WAIT = 1.0
_LONGEST_HOLD = 20.0


class Accepted(Struct, frozen=True):
    """An event that is in the stream.

    Args:
        event_id: names it for ever; sent again under this id it counts once.
    """

    event_id: str
    content_id: str


class Refused(Struct, frozen=True):
    """An event that is not taken, and would not be if it were sent again.

    Args:
        error: why, with the fields that are wrong.
    """

    event_id: str
    content_id: str
    error: RefusedError


class Pending(Struct, frozen=True):
    """No decision on this content is kept: none was made yet, or none that is kept."""

    content_id: str


class Policy(Struct, frozen=True):
    """Which policy decided."""

    id: str
    version: str


class Decided(Struct, frozen=True):
    """What was decided on a piece of content."""

    content_id: str
    event_id: str
    verdict_id: str
    action: Action
    labels: tuple[str, ...]
    policy: Policy
    decided_at: str


class Changes(Struct, frozen=True):
    """A page of what was decided.

    Args:
        changes: oldest first.
        next: asks for what comes after them.
        more: whether more is there already.
    """

    changes: tuple[Decided, ...]
    next: str
    more: bool


class Label(Struct, frozen=True):
    """A label and its score, 0 to 1."""

    label: str
    score: float


class Finding(Struct, frozen=True):
    """One detector's signal, and why there is one."""

    label: str
    score: float
    detector: str
    rule: str
    reason: str = ""


class Score(Struct, frozen=True):
    """What the policy says to a text that is kept nowhere by itself."""

    action: Action
    labels: tuple[Label, ...]
    signals: tuple[Finding, ...]
    excerpt: str
    truncated: bool = False
    handling: tuple[str, ...] = ()


class _Result(Struct, frozen=True):
    status: int
    problem: Any = None


class _Results(Struct, frozen=True):
    results: tuple[_Result, ...]


class Client:
    """Asks one API. Requests that may be answered later are sent again, with back-off and ``Retry-After``; an event
    counts once, however often it is sent. May be used from several threads.

    Args:
        url: the stack's ``ContentApiUrl``; for :meth:`score` its ``ScoreApiUrl``, or that of ``streamkeeper serve``.
        key: sent as ``x-api-key``.
        headers: others, such as a token as ``authorization``.
        clock: time and jitter; left out, the real ones.
        exchange: how requests are sent; left out, by HTTP.

    Raises:
        ValueError: the url is none of HTTP.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        sent = {**(headers or {}), **({"x-api-key": key} if key else {})}
        self._holds = True
        self._exchange = exchange or HttpExchange(url, headers=sent, clock=self._clock)

    def score(
        self,
        text: str,
        *,
        surface: str = "comment",
        language: str | None = None,
        author_id: str | None = None,
        do_not_store: bool = False,
    ) -> Score:
        """What the policy says to a text.

        Raises:
            RefusedError: it names the field.
            UnavailableError: no answer.
        """
        item: dict[str, object] = {"text": text, "surface": surface, "do_not_store": do_not_store}
        item |= {name: value for name, value in (("language", language), ("author_id", author_id)) if value is not None}
        found: Score = _read(self._exchange("POST", "/v1/moderate", item), (200,), Score)
        return found

    def submit(self, event: Mapping[str, Any]) -> Accepted:
        """Sends one event in.

        Args:
            event: fields of the contract; ``schema_version``, ``event_id`` and ``created_at`` are made where they are
                missing.

        Raises:
            RefusedError: it names the field.
            UnavailableError: no answer; with an ``event_id`` of your own it can be sent again later and counts once.
        """
        whole = self._whole(event)
        _read(self._exchange("POST", "/v1/content", whole), (202,), dict)
        return Accepted(str(whole["event_id"]), str(whole.get("content_id", "")))

    def submit_many(self, events: Iterable[Mapping[str, Any]]) -> list[Accepted | Refused]:
        """Sends events in, and says for each what became of it, in order. Only what was not taken is sent again.

        Raises:
            RefusedError: a request as a whole, for its key for instance.
            UnavailableError: no answer; what was taken before counts once if all of it is sent again.
        """
        every = [self._whole(event) for event in events]
        found: list[Accepted | Refused] = []
        for some in _batches(every):
            found += self._submit_batch(some)
        return found

    def status(self, content_id: str) -> Pending | Decided:
        """What was decided on a piece of content.

        Raises:
            RefusedError: no id, or not one that may be asked for.
            UnavailableError: no answer.
        """
        return self._status(content_id)[0]

    def wait(self, content_id: str, *, seconds: float = 60.0) -> Decided:
        """What was decided on a piece of content, as soon as it is.

        Where the API holds requests (``ContentWaiters``) it tells at once; elsewhere, or when too many wait, it is
        asked again and again.

        Args:
            seconds: how long to wait at most.

        Raises:
            TimeoutError: nothing was decided in this time, or nothing that is kept.
            RefusedError, UnavailableError: as in :meth:`status`.
        """
        end = self._clock.now() + seconds
        while True:
            left = end - self._clock.now()
            held = self._held(content_id, min(_LONGEST_HOLD, left)) if self._holds and left >= 1 else None
            found, asked = held or self._status(content_id)
            if isinstance(found, Decided):
                return found
            pause = max(_SHORTEST_WAIT, asked)
            if self._clock.now() + pause > end:
                raise TimeoutError(
                    f"no decision on {content_id} is kept after {seconds:.0f} seconds; one is kept of content that was "
                    'acted on, and of content sent with "hold": true'
                )
            self._clock.sleep(pause)

    def changes(self, after: str | float = "", *, limit: int = 100) -> Changes:
        """What was decided after a place in the feed, oldest first; each content comes once, as it stands.

        A decision is told some 20 seconds after it was made. Keep ``next`` and ask with it again: nothing is left out.

        Args:
            after: ``next`` of the answer before, or seconds since 1970; left out, from the oldest that is kept.
            limit: decisions at most, 1 to 100.

        Raises:
            RefusedError: ``after`` is no such place, or the API tells no changes (``ContentChanges``).
            UnavailableError: no answer.

        >>> client = Client("https://api.example/live", exchange=lambda method, path, document=None: Answer(
        ...     200, {"changes": [], "next": "1790000000000", "more": False}, 5.0))
        >>> client.changes(1_790_000_000).next
        '1790000000000'
        """
        place = after if isinstance(after, str) else f"{int(after * 1000):013d}"
        asked = f"?limit={limit}" + (f"&after={quote(place, safe='')}" if place else "")
        found: Changes = _read(self._exchange("GET", f"/v1/changes{asked}"), (200,), Changes)
        return found

    def _held(self, content_id: str, seconds: float) -> tuple[Pending | Decided, float] | None:
        """The answer of the route that waits; None when there is no such route, or it takes no more."""
        path = f"/v1/content/{quote(content_id, safe='')}/decision?wait={int(seconds)}"
        try:
            answer = self._exchange("GET", path)
        except UnavailableError:
            return None
        if answer.status == 202:
            return Pending(content_id), answer.retry_after
        if answer.status != 200:
            # A route that a stack does not have is answered like a caller who is not known; the plain one says which.
            self._holds = False
            return None
        return _read(answer, (200,), Decided), 0.0

    def _status(self, content_id: str) -> tuple[Pending | Decided, float]:
        answer = self._exchange("GET", f"/v1/content/{quote(content_id, safe='')}")
        if answer.status == 202:
            return Pending(content_id), answer.retry_after
        return _read(answer, (200,), Decided), 0.0

    def _submit_batch(self, events: Sequence[Mapping[str, Any]]) -> list[Accepted | Refused]:
        found: dict[int, Accepted | Refused] = {}
        left = list(range(len(events)))
        for attempt in range(_PARTIAL_ATTEMPTS):
            if attempt:
                self._clock.sleep(min(10.0, 0.2 * 2**attempt) * self._clock.random())
            results = results_of(self._exchange("POST", "/v1/content:batch", {"events": [events[at] for at in left]}))
            for at, result in zip(left, results, strict=False):
                event_id, content_id = str(events[at]["event_id"]), str(events[at].get("content_id", ""))
                if result.status == 202:
                    found[at] = Accepted(event_id, content_id)
                elif 400 <= result.status < 500 and result.status != 429:
                    found[at] = Refused(event_id, content_id, refusal(result.status, result.problem))
            left = [at for at in left if at not in found]
            if not left:
                return [found[at] for at in range(len(events))]
        raise UnavailableError(f"{len(left)} of {len(events)} events were not taken in {_PARTIAL_ATTEMPTS} requests")

    def _whole(self, event: Mapping[str, Any]) -> dict[str, Any]:
        now = datetime.fromtimestamp(self._clock.now(), UTC)
        made = {
            "schema_version": SCHEMA_VERSION,
            "event_id": str(uuid.uuid4()),
            "created_at": f"{now:%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        return {**made, **event}


def results_of(answer: Answer) -> tuple[_Result, ...]:
    """What a batch's answer says of each event.

    Raises:
        RefusedError: the batch as a whole is refused.
        ApiError: it is no answer of this API.
    """
    found: _Results = _read(answer, (202, 207, 200, 503), _Results)
    return found.results


def _read(answer: Answer, statuses: tuple[int, ...], kind: type[Any]) -> Any:
    if answer.status not in statuses:
        if 400 <= answer.status < 500:
            raise refusal(answer.status, answer.document)
        raise ApiError(f"status {answer.status}; is this the API's address?")
    try:
        return msgspec.convert(answer.document, kind)
    except msgspec.ValidationError as error:
        raise ApiError(f"an answer of another form: {error}; is this the API's address?") from None


def _batches(events: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    some: list[dict[str, Any]] = []
    size = 0
    for event in events:
        length = len(msgspec.json.encode(event)) + 1
        if some and (len(some) == MAX_EVENTS or size + length > MAX_CHARACTERS):
            yield some
            some, size = [], 0
        some.append(event)
        size += length
    if some:
        yield some
