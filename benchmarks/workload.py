"""What both handlers are given: the same 1,000 terms, 30 patterns and thresholds, and the same events.

Texts are about 200 characters of made-up words in the shape of language, a fifth of them with letters outside ASCII;
one in twenty holds a term, one in thirty something a pattern finds. No disguises: the usual handler cannot see through
them, and the point is the same outcome at another price.
"""

import base64
import hashlib
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from consumers.moderation.policy import Policy
from consumers.moderation.rules import FloodRule, Label, PatternRule, TermRule
from consumers.policies import read_policy
from glue.kpl import aggregation

ARRIVAL = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
THRESHOLDS: dict[str, dict[str, Any]] = {
    "spam": {"flag": 0.3, "review": 0.6, "block": 0.9},
    "insult": {"flag": 0.3, "review": 0.7},
    "scam": {"flag": 0.3, "review": 0.6, "block": 0.85},
}
# (rule, label, score, expression): what a moderation team's list looks like. All of it re and re2 read alike.
PATTERNS = [
    ("shortener", "spam", 0.5, r"\b(?:bit\.ly|tinyurl\.com|goo\.gl|is\.gd|cutt\.ly|rb\.gy)/[a-z0-9]+"),
    ("bare_address", "spam", 0.6, r"https?://\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"),
    ("three_links", "spam", 0.7, r"https?://\S+\s+https?://\S+\s+https?://"),
    ("email_contact", "spam", 0.35, r"\b[a-z0-9._%+-]+@[a-z0-9-]+\.[a-z]{2,10}\b"),
    ("phone_contact", "spam", 0.4, r"\+\d{1,3}[ -]?\d{2,4}[ -]?\d{3,4}[ -]?\d{3,4}"),
    ("card_number", "scam", 0.6, r"\b\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}\b"),
    ("iban", "scam", 0.4, r"\b[a-z]{2}\d{2} \d{4} \d{4} \d{4} \d{4}\b"),
    ("bitcoin", "scam", 0.85, r"\bbc1[a-z0-9]{25,59}\b"),
    ("ether", "scam", 0.85, r"\b0x[a-f0-9]{40}\b"),
    ("prize", "spam", 0.9, r"\b(?:claim|collect) your (?:prize|reward|gift card)\b"),
    ("winner", "spam", 0.8, r"\byou(?:'ve| have)? won (?:a|an|the|\d+)\b"),
    ("percent_off", "spam", 0.4, r"\b[5-9]\d ?% off\b"),
    ("money_a_day", "scam", 0.7, r"[$€£]\d[\d,.]* (?:a|per) (?:day|week|hour)\b"),
    ("messenger", "spam", 0.6, r"\b(?:whatsapp|telegram|wechat)[ :]+\+?\d{6,}"),
    ("handle", "spam", 0.3, r"\btelegram[ :]+@[a-z0-9_]{4,}"),
    ("discord_invite", "spam", 0.4, r"\bdiscord\.gg/[a-z0-9]+"),
    ("coupon", "spam", 0.35, r"\b(?:promo|coupon|discount) code[: ]+[a-z0-9]{4,}"),
    ("casino", "spam", 0.6, r"\b(?:casino|slots|roulette) (?:bonus|spins)\b"),
    ("pills", "spam", 0.7, r"\bbuy (?:cheap )?(?:pills|meds)\b"),
    ("followers", "spam", 0.5, r"\b\d+k? (?:real )?(?:followers|subscribers)\b"),
    ("loan", "spam", 0.5, r"\b(?:instant|payday) loans?\b"),
    ("verify", "scam", 0.7, r"\bverify your (?:account|wallet|identity)\b"),
    ("seed_phrase", "scam", 0.85, r"\b(?:seed|recovery) phrase\b"),
    ("suspended", "scam", 0.6, r"\baccount (?:has been|was) (?:suspended|locked)\b"),
    ("investment", "scam", 0.4, r"\b\d+% (?:guaranteed )?(?:returns|profit)\b"),
    ("gift_card", "scam", 0.5, r"\bgift cards? codes?\b"),
    ("shouting", "insult", 0.3, r"!{6,}"),
    ("slur_mask", "insult", 0.7, r"\b[a-z]\*{2,}[a-z]\b"),
    ("go_away", "insult", 0.4, r"\bnobody (?:asked|likes) you\b"),
    ("threat", "insult", 0.7, r"\bi(?:'ll| will) (?:find|hurt) you\b"),
]
# One sample each that the pattern of the same position finds.
SAMPLES = [
    "bit.ly/x9",
    "http://10.0.0.1/a",
    "http://a.example http://b.example http://c.example",
    "jo@example.org",
    "+49 151 2345 6789",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    "0x52908400098527886e0f7030069857d2e4169ee7",
    "claim your prize",
    "you have won a",
    "70% off",
    "$500 a day",
    "whatsapp +4915123456",
    "telegram @deals_now",
    "discord.gg/abc",
    "promo code SAVE20",
    "casino bonus",
    "buy cheap pills",
    "10k followers",
    "payday loan",
    "verify your account",
    "seed phrase",
    "account was suspended",
    "20% returns",
    "gift card codes",
    "what!!!!!!!!",
    "f**k",
    "nobody asked you",
    "I will find you",
]


@dataclass(frozen=True)
class Workload:
    """The rules and the events.

    Args:
        terms: (term, label, score).
        payloads: events as bytes, one JSON document each.
    """

    terms: list[tuple[str, str, float]]
    payloads: list[bytes]

    def policy(self, *, model: bool = False, velocity: bool = False) -> Policy:
        """The rules as a policy.

        Args:
            model: whether with the linear model of the default policy, which the usual handler has not.
            velocity: whether with rules about floods and nearly the same texts, which it has not either.
        """
        default = Policy.load(read_policy("default"))
        groups: dict[tuple[str, float], list[str]] = {}
        for term, label, score in self.terms:
            groups.setdefault((label, score), []).append(term)
        return Policy(
            id="bench",
            labels={label: Label(**values) for label, values in THRESHOLDS.items()} | {"flood": Label(flag=0.3)},
            terms=tuple(
                TermRule(f"terms_{label}_{round(score * 100)}", label, score, tuple(terms))
                for (label, score), terms in groups.items()
            ),
            patterns=tuple(PatternRule(*pattern) for pattern in PATTERNS),
            model=default.model if model else None,
            floods=(FloodRule("floods", "flood", 0.5, 10, 10),) if velocity else (),
            repeats=default.repeats if velocity else (),
        )


def make_workload(count: int, *, terms: int = 1000, seed: int = 7) -> Workload:
    """``count`` events and the rules for them; the same seed gives the same."""
    chance = random.Random(seed)
    syllables = [a + b for a in "bcdfghklmnprstvw" for b in "aeiou"]
    made: set[str] = set()
    while len(made) < terms + 3000:
        word = "".join(chance.choice(syllables) for _ in range(chance.randint(2, 4)))
        word = "".join(chance.choices(syllables, k=chance.randint(2, 4)))
        made.add(word + chance.choice(["", "n", "s"]))
    every = sorted(made)
    chance.shuffle(every)
    bad, common = every[:terms], every[terms:]
    # A third are phrases, as in real lists.
    phrases = [f"{word} {chance.choice(common)}" if place % 3 == 0 else word for place, word in enumerate(bad)]
    labelled = [(phrase, chance.choice(list(THRESHOLDS)), chance.choice([0.2, 0.4, 0.65, 0.95])) for phrase in phrases]
    accents = str.maketrans("aeiou", "áêîöü")
    payloads = []
    for number in range(count):
        words = chance.choices(common, k=30)
        if chance.random() < 0.2:
            words = [word.translate(accents) if chance.random() < 0.3 else word for word in words]
        words = [word.capitalize() if place % 9 == 0 else word for place, word in enumerate(words)]
        if chance.random() < 1 / 20:
            words[chance.randrange(30)] = chance.choice(phrases)
        if chance.random() < 1 / 30:
            words[chance.randrange(30)] = chance.choice(SAMPLES)
        created = ARRIVAL - timedelta(seconds=chance.random() * 60)
        surface = chance.choice(["comment", "post", "chat"])
        payloads.append(event_of(" ".join(words), number, seed=seed, created_at=created, surface=surface))
    return Workload(labelled, payloads)


def event_of(
    text: str, number: int, *, seed: int = 7, created_at: datetime = ARRIVAL, surface: str = "comment"
) -> bytes:
    """A text as an event, one JSON document; number and seed make its ids."""
    digest = hashlib.sha256(b"%d %d" % (seed, number)).hexdigest()
    return msgspec.json.encode(
        {
            "schema_version": 1,
            "event_id": f"{digest[:8]}-{digest[8:12]}-7{digest[12:15]}-8{digest[15:18]}-{digest[18:30]}",
            "content_id": f"content-{digest[30:40]}",
            "author_id": f"user-{number % 997}",
            "surface": surface,
            "created_at": created_at.isoformat(timespec="microseconds").replace("+00:00", "Z"),
            "text": text,
            "language": "en",
        }
    )


def kinesis_events(payloads: list[bytes], *, records: int, aggregated: int = 1) -> list[dict[str, object]]:
    """The payloads as Lambda events.

    Args:
        payloads: one user record each.
        records: Kinesis records an event.
        aggregated: user records in a Kinesis record; 1: none is aggregated.
    """
    if aggregated > 1:
        payloads = [
            aggregation.encode(
                [aggregation.UserRecord("key", None, data) for data in payloads[start : start + aggregated]]
            )
            for start in range(0, len(payloads), aggregated)
        ]
    entries: list[dict[str, object]] = []
    for number, payload in enumerate(payloads):
        sequence = f"4960000000000000000000000000000000000000{number:016d}"
        entries.append(
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "key",
                    "sequenceNumber": sequence,
                    "data": base64.b64encode(payload).decode(),
                    "approximateArrivalTimestamp": ARRIVAL.timestamp() + number // 10 / 1000,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{sequence}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::000000000000:role/moderate",
                "awsRegion": "us-east-1",
                "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/content",
            }
        )
    return [{"Records": entries[start : start + records]} for start in range(0, len(entries), records)]
