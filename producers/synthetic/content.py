"""Made-up but believable content: the same seed and time give the same bytes, as many as asked for.

Many languages and surfaces, a few authors who post most, replies, media, late and skewed clocks, repeats, and the small
share that moderation is there for, in every language: spam (some of it a campaign of near copies), insults, profanity,
hate (much of it in one incident of two hours), threats, personal data, disguised words.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import accumulate
from struct import unpack

import msgspec

from producers.partitioning import partition_key
from producers.synthetic import harms, phrases
from producers.synthetic.disguises import DISGUISES
from producers.synthetic.malformed import REASONS, malformed

_DAY = 86_400
_AUTHORS = 6_000
_SPAMMERS = 60
_ONE = 65_536
_KINDS = (
    *("spam", "insult", "profanity", "hate", "threat", "personal", "disguised"),
    *("late", "skew", "duplicate", "malformed"),
)
_CAMPAIGN = 3 * 3_600
_INCIDENT = 2 * 3_600
"""Seconds that the campaign and the incident last."""


class SyntheticRecord(msgspec.Struct, frozen=True, gc=False):
    """One record to send: its bytes, its key, the event's id (None when it is malformed) and what it was made as.

    ``kind`` is ordinary, one of the kinds in :class:`Shares`, or ``malformed:<reason>`` with the reason a consumer
    quarantines it for.
    """

    payload: bytes
    partition_key: str
    event_id: str | None
    kind: str


class Shares(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what, each 0 to 1 of all records."""

    spam: float = 0.014
    insult: float = 0.012
    profanity: float = 0.006
    hate: float = 0.004
    threat: float = 0.002
    personal: float = 0.01
    disguised: float = 0.006
    late: float = 0.006
    skew: float = 0.003
    duplicate: float = 0.004
    malformed: float = 0.002
    hold: float = 0.01
    live: float = 0.002
    """Created within the last minute before ``now``; the rest lies in the window."""
    hot: float = 0.0
    """About one and the same piece of content, so under one partition key."""

    def __post_init__(self) -> None:
        together = sum(getattr(self, name) for name in _KINDS)
        if together > 1:
            raise ValueError(f"shares of {together:.2f} together; allowed: at most 1")


def synthetic(
    count: int, *, now: float, seed: int = 1, window: float = _DAY, shares: Shares | None = None
) -> Iterator[SyntheticRecord]:
    """``count`` records, one at a time.

    Args:
        count: how many, malformed ones and repeats included.
        now: epoch seconds; nothing but skewed events is created after it.
        seed: another one gives other content.
        window: seconds before ``now`` in which events are created, with fewer at night.
        shares: how much of what.

    >>> first, again = (list(synthetic(50, now=1_772_000_000.0, seed=7)) for _ in range(2))
    >>> first == again, len({record.event_id for record in first}) > 45
    (True, True)
    """
    maker = Maker(now=now, seed=seed, window=window, shares=shares or Shares())
    return (maker.make(number) for number in range(count))


class Maker:
    """Makes records one at a time, by number. What it makes of a number depends on the seed and, for repeats and
    replies, on the numbers that it made before.

    Args:
        now, seed, window, shares: as in :func:`synthetic`.
    """

    def __init__(self, *, now: float, seed: int, window: float, shares: Shares) -> None:
        self._now = int(now * 1_000_000)
        self._window = int(window * 1_000_000)
        self._key = blake2b(b"synthetic %d" % seed, digest_size=32).digest()
        self._live = round(shares.live * _ONE)
        self._hold = round(shares.hold * _ONE)
        self._hot = round(shares.hot * _ONE)
        self._made = 0
        self._recent: list[SyntheticRecord] = []
        self._recent_ids: list[bytes] = []
        edges = accumulate(round(getattr(shares, name) * _ONE) for name in _KINDS)
        self._edges = list(zip(edges, _KINDS, strict=True))
        self._special = self._edges[-1][0]
        self._campaign = min(_CAMPAIGN * 1_000_000, self._window // 8)
        self._incident = min(_INCIDENT * 1_000_000, self._window // 12)
        self._seconds: dict[int, bytes] = {}
        self._moments = _day_curve(now, window)
        self._authors = [b"user-%05d" % (author * 7919 % 100_000) for author in range(_AUTHORS)]
        self._ranks = _zipf(_AUTHORS)
        self._talk = [
            (language, *_sentences(talk)) for language, talk in phrases.TALK.items() for _ in range(talk.parts)
        ]
        self._surfaces = [
            surface.encode()
            for surface, parts in zip(phrases.SURFACES, phrases.SURFACE_PARTS, strict=True)
            for _ in range(parts)
        ]

    def make(self, number: int, *, at: float | None = None) -> SyntheticRecord:
        """The record of this number.

        Args:
            number: from 0.
            at: epoch seconds at which it is sent: created in the second before, or late or ahead of it; without it,
                created before ``now``.
        """
        recent, recent_ids = self._recent, self._recent_ids
        made, self._made = self._made, self._made + 1
        # 64 bytes of chance for each record, whatever came before it.
        chance = blake2b(number.to_bytes(8, "big"), key=self._key)
        draw = unpack("<32H", chance.digest())
        kind = "ordinary"
        if draw[0] < self._special:
            kind = next(name for edge, name in self._edges if draw[0] < edge)
        if kind == "duplicate":
            if recent:
                again = recent[draw[1] % len(recent)]
                return SyntheticRecord(again.payload, again.partition_key, again.event_id, kind)
            kind = "ordinary"
        created = self._created(kind, draw, at)
        hexa = chance.hexdigest()
        # UUIDv7: milliseconds, version, chance, variant, chance.
        millis = f"{created // 1000:012x}"
        variant = "89ab"[draw[2] & 3]
        event_id = f"{millis[:8]}-{millis[8:]}-7{hexa[:3]}-{variant}{hexa[3:6]}-{hexa[6:18]}"
        surface = self._surfaces[draw[3] % len(self._surfaces)]
        content_id = b"%b-%b" % (surface, hexa[18:30].encode()) if draw[29] >= self._hot else b"hot"
        payload = self._payload(kind, draw, event_id.encode(), content_id, surface, created, recent_ids)
        routed = partition_key(content_id.decode())
        if kind == "malformed":
            reason = REASONS[draw[4] % len(REASONS)]
            return SyntheticRecord(malformed(reason, payload, draw[5]), routed, None, f"malformed:{reason}")
        record = SyntheticRecord(payload, routed, event_id, kind)
        if made % 16 == 0:
            place = made // 16 % 256
            recent[place : place + 1] = [record]
            recent_ids[place : place + 1] = [content_id]
        return record

    def _created(self, kind: str, draw: tuple[int, ...], at: float | None) -> int:
        """Microseconds since the epoch."""
        fine = draw[6] << 16 | draw[7]
        now = self._now if at is None else int(at * 1_000_000)
        if kind == "late":
            return now - _DAY * 1_000_000 - fine * 250
        if kind == "skew":
            return now + 600_000_000 + fine * 15
        if at is not None:
            return now - fine % 1_000_000
        if draw[8] < self._live:
            return self._now - fine % 60_000_000
        if kind == "spam" and self._is_campaign(draw):
            return self._now - self._window * 7 // 20 - fine * self._campaign // (_ONE * _ONE)
        if kind == "hate" and draw[9] < _ONE * 3 // 5:
            return self._now - self._window * 3 // 5 - fine * self._incident // (_ONE * _ONE)
        return self._now - int(self._moments[draw[10] & 4095] * 1_000_000) - fine % max(1, self._window // 4096)

    @staticmethod
    def _is_campaign(draw: tuple[int, ...]) -> bool:
        return draw[9] < _ONE * 2 // 5

    def _payload(
        self,
        kind: str,
        draw: tuple[int, ...],
        event_id: bytes,
        content_id: bytes,
        surface: bytes,
        created: int,
        recent_ids: list[bytes],
    ) -> bytes:
        seconds, micros = divmod(created, 1_000_000)
        moment = self._seconds.get(seconds)
        if moment is None:
            moment = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()
            self._seconds[seconds] = moment
        language, sentences, closings = self._talk[draw[11] % len(self._talk)]
        author = self._authors[self._ranks[draw[12] >> 3]]
        if kind in ("ordinary", "late", "skew", "malformed"):
            text = sentences[draw[13] % len(sentences)]
            if draw[14] < _ONE // 3:
                text = b"%b %b" % (text, sentences[draw[15] % len(sentences)])
            text += closings[draw[16] % len(closings)]
        else:
            is_campaign = kind == "spam" and self._is_campaign(draw)
            language = "en" if is_campaign else language
            text = msgspec.json.encode(_campaign(draw) if is_campaign else _acted_on(kind, language, draw))[1:-1]
            if kind == "spam":
                author = b"promo-%04d" % (_SPAMMERS * draw[12] * draw[12] // (_ONE * _ONE))
        parts = [
            b'{"schema_version":1,"event_id":"%b","content_id":"%b","author_id":"%b","surface":"%b",'
            b'"created_at":"%b.%06dZ","text":"%b"' % (event_id, content_id, author, surface, moment, micros, text)
        ]
        if draw[17] < _ONE * 9 // 10:
            parts.append(b',"language":"%b"' % language.encode())
        if draw[18] < _ONE // 14:
            parts.append(
                b',"media":[{"uri":"s3://media.example/%b.jpg","mime_type":"image/jpeg"}]' % content_id
                if draw[19] & 1
                else b',"media":[{"uri":"https://cdn.example.com/%b","mime_type":"video/mp4","sha256":"%b"}]'
                % (content_id, blake2b(content_id, digest_size=32).hexdigest().encode())
            )
        if recent_ids and draw[20] < _ONE // 6:
            parts.append(b',"parent_id":"%b"' % recent_ids[draw[21] % len(recent_ids)])
        if draw[22] < self._hold:
            parts.append(b',"hold":true')
        if draw[23] < _ONE // 8:
            parts.append(b',"context":{"app":"%b","country":"%b"}' % (_APPS[draw[24] & 3], _COUNTRIES[draw[25] & 7]))
        if draw[26] < _ONE // 50:
            parts.append(b',"client_build":%d,"experiment":{"name":"ranking","arm":%d}' % (draw[27], draw[28] & 1))
        parts.append(b"}")
        return b"".join(parts)


_APPS = (b"ios", b"android", b"web", b"api")
_COUNTRIES = (b"US", b"GB", b"DE", b"BR", b"MX", b"TR", b"JP", b"IN")


def _acted_on(kind: str, language: str, draw: tuple[int, ...]) -> str:
    """A text that a policy acts on, made at leisure: there are few."""
    harm, number = harms.HARM[language], draw[14]
    pool = harm.insult + harm.profanity if kind == "disguised" else getattr(harm, kind)
    text = str(pool[draw[13] % len(pool)]).format(
        token=f"{draw[15]:x}{draw[16]:x}",
        email=f"{harms.MAILBOXES[number % 6]}{number % 97}@{harms.MAIL_HOSTS[number % 3]}",
        phone=(f"+1 202-555-01{number % 100:02d}", f"+44 7700 900{number % 1000:03d}")[number & 1],
        card=harms.CARDS[number % 4],
        iban=harms.IBANS[number % 3],
    )
    if kind == "disguised":
        disguises = list(DISGUISES.values()) if text.isascii() else _FOR_ANY_LETTERS
        return disguises[number % len(disguises)](text)
    return text


def _campaign(draw: tuple[int, ...]) -> str:
    """One of many near copies."""
    name = harms.CAMPAIGN_NAMES[draw[14] % len(harms.CAMPAIGN_NAMES)]
    return harms.CAMPAIGN[draw[13] % len(harms.CAMPAIGN)].format(name=name, token=f"{draw[15] % 7:x}")


_FOR_ANY_LETTERS = [DISGUISES[name] for name in ("zero_width", "spaced", "dotted")]
"""Disguises that do not need Latin letters."""


def _sentences(talk: phrases.Talk) -> tuple[list[bytes], list[bytes]]:
    """The language's sentences and closings as they stand inside a JSON string."""
    sentences = [sentence.format(thing=thing) for sentence in talk.sentences for thing in talk.things]
    closings = [f" {closing}" if closing else "" for closing in talk.closings]
    return [msgspec.json.encode(one)[1:-1] for one in sentences], [msgspec.json.encode(one)[1:-1] for one in closings]


def _zipf(ranks: int) -> list[int]:
    """8192 places, of which rank n has a share of about 1/n."""
    weights = [1 / (rank + 1) for rank in range(ranks)]
    total = sum(weights)
    places: list[int] = []
    reached = 0.0
    for rank, weight in enumerate(weights):
        reached += weight
        places += [rank] * (round(reached / total * 8192) - len(places))
    return places


def _day_curve(now: float, window: float) -> list[float]:
    """4096 ages in seconds, drawn so that the small hours of UTC have a quarter of the evening's events."""
    steps = 4096
    ages = [window * (step + 0.5) / steps for step in range(steps)]
    weights = [1.0 + 0.6 * math.sin(math.tau * ((now - age) / _DAY - 0.55)) for age in ages]
    total = sum(weights)
    drawn: list[float] = []
    reached = 0.0
    for age, weight in zip(ages, weights, strict=True):
        reached += weight
        drawn += [age] * (round(reached / total * steps) - len(drawn))
    return drawn
