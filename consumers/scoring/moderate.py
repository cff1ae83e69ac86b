"""``POST /v1/moderate``: texts in, verdicts out."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from consumers.moderation.moderator import Finding, Moderator
from consumers.scoring.ports import Submission
from consumers.scoring.problems import ProblemError, pointer
from glue.contract import MAX_TEXT_BYTES, Identifier, Language

MAX_ITEMS = 500

_REASONS = {
    "terms": "A word or phrase of the policy's lists.",
    "patterns": "An expression of the policy matches.",
    "personal_data": "Personal data, which the excerpt masks.",
    "links": "A link of a kind that the policy names.",
    "solicitation": "A request to strangers.",
    "relations": "Somebody is attacked, by how the sentence is built.",
    "beside": "Two things that say more together.",
    "model": "Its words are like those of texts that people called so.",
}
"""By detector, why there is a signal, where its rule does not say."""


class Item(Struct, frozen=True, forbid_unknown_fields=True):
    """One text.

    Args:
        text: up to 64 KiB of UTF-8.
        id: comes back in the answer.
        surface: where it was posted.
        language: its BCP 47 tag; None: guessed where it matters.
        author_id: for the policy's rules about authors.
        do_not_store: the text is kept nowhere, even where a stream is set up.
    """

    text: str
    id: Annotated[str, Meta(max_length=128)] | None = None
    surface: Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,32}\Z")] = "comment"
    language: Language | None = None
    author_id: Identifier | None = None
    do_not_store: bool = False


class _Batch(Struct, frozen=True, forbid_unknown_fields=True):
    items: list[msgspec.Raw]


_items = msgspec.json.Decoder(Item)
_batches = msgspec.json.Decoder(_Batch)


def read(body: bytes) -> tuple[list[Item | ProblemError], bool]:
    """The texts of a body, or for each why it is refused; and whether it is a batch.

    Raises:
        ProblemError: the body as a whole is refused.
    """
    try:
        head = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProblemError(
            400, 'the body is no JSON object in UTF-8; send {"text": "..."} or {"items": [...]}', "#"
        ) from None
    if "items" not in head:
        return [_item(body, "")], False
    try:
        raw = _batches.decode(body).items
    except msgspec.ValidationError as error:
        raise _problem(error, "") from None
    if not 1 <= len(raw) <= MAX_ITEMS:
        raise ProblemError(400, f"received {len(raw)} items; allowed: 1 to {MAX_ITEMS}; send more requests", "#/items")
    items: list[Item | ProblemError] = []
    for number, one in enumerate(raw):
        try:
            items.append(_item(bytes(one), f"/items/{number}"))
        except ProblemError as problem:
            items.append(problem)
    return items, True


def _item(body: bytes, prefix: str) -> Item:
    try:
        item = _items.decode(body)
    except msgspec.ValidationError as error:
        raise _problem(error, prefix) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProblemError(400, "it is no JSON object in UTF-8", f"#{prefix}") from None
    size = len(item.text) if item.text.isascii() else len(item.text.encode("utf-8", "surrogatepass"))
    if size > MAX_TEXT_BYTES:
        raise ProblemError(
            400, f"received {size:,} bytes of UTF-8; allowed: {MAX_TEXT_BYTES:,}; send parts", f"#{prefix}/text"
        )
    return item


def _problem(error: msgspec.ValidationError, prefix: str) -> ProblemError:
    what, _, where = str(error).partition(" - at `")
    place = pointer(where.rstrip("`") or "$").removeprefix("#")
    if "`" in what and what.startswith("Object "):
        # The field that is missing or unknown is named in the message only.
        place += f"/{what.split('`')[1]}"
    return ProblemError(400, what, f"#{prefix}{place}")


class Moderation:
    """Judges texts as the policy does on the stream.

    Args:
        moderator: the policy.
    """

    def __init__(self, moderator: Moderator) -> None:
        self._moderator = moderator
        self._reasons = {rule.rule: rule.reason for _, _, rule in moderator.policy.rules() if rule.reason}
        self.policy = {"id": moderator.policy_id, "version": moderator.policy_version}

    def verdict(self, item: Item) -> dict[str, Any]:
        """What the policy says to a text, as JSON takes it."""
        finding = self._moderator.judge(
            item.text, surface=item.surface, language=item.language, author_id=item.author_id
        )
        decision = finding.decision
        strongest = _strongest(finding)
        document: dict[str, Any] = {} if item.id is None else {"id": item.id}
        document |= {
            "action": decision.action,
            "labels": [{"label": label, "score": strongest[label]} for label in decision.labels],
            "signals": [
                {
                    "label": signal.label,
                    "score": signal.score,
                    "detector": signal.detector,
                    "rule": signal.rule,
                    "reason": self._reasons.get(signal.rule) or _REASONS.get(signal.detector, ""),
                }
                for signal in finding.signals
            ],
            "excerpt": finding.excerpt,
            "truncated": finding.truncated,
        }
        handling = [self._moderator.handling[label] for label in decision.labels if label in self._moderator.handling]
        if handling:
            document["handling"] = handling
        return document


def _strongest(finding: Finding) -> Mapping[str, float]:
    scores: dict[str, float] = {}
    for signal in finding.signals:
        scores[signal.label] = max(signal.score, scores.get(signal.label, 0.0))
    return scores


def submissions(items: list[Item | ProblemError], client: str) -> Iterator[Submission]:
    """What of these texts may be kept."""
    for item in items:
        if isinstance(item, Item) and not item.do_not_store and item.text.strip():
            yield Submission(item.text, client, item.language, item.surface, item.author_id or "", item.id or "", {})
