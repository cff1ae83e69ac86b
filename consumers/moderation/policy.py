"""A policy as data: which rules there are, and from which score on a label leads to which action.

Written in TOML, read by :meth:`Policy.load`, identified by its id and the hash of its content. A policy never changes:
another content is another version.

    id = "default"

    [labels.spam]
    flag = 0.3
    review = 0.6
    block = 0.9

    [[terms]]
    rule = "spam_phrases"
    label = "spam"
    score = 0.5
    terms = ["free money", "act now"]

A term is found as a whole word (in scripts without spaces: anywhere), in any case, also when it is written with
look-alike letters. A pattern is an re2 expression and looks at the normalised, lower-case text.
"""

import hashlib
import re
import tomllib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from consumers.moderation.locate import line_of
from glue.vocabulary import Action

Score = Annotated[float, Meta(ge=0.0, le=1.0)]
Name = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z", description="a to z, 0 to 9 and _, at most 64")]
PersonalDataKind = Literal["email", "card", "iban", "phone", "ip"]


class PolicyError(ValueError):
    """A policy that cannot be used; the message names the key, what was received, what is allowed, and the line."""


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """From which score on a label leads to an action; None: never to this one.

    Args:
        flag: let it pass, and mark it.
        review: hold it for a person.
        block: take it down.
    """

    flag: Score | None = None
    review: Score | None = None
    block: Score | None = None

    def action(self, score: float) -> Action:
        """What a score leads to; a higher score never to less.

        >>> Thresholds(flag=0.3, block=0.9).action(0.5)
        'flag'
        """
        if self.block is not None and score >= self.block:
            return "block"
        if self.review is not None and score >= self.review:
            return "review"
        if self.flag is not None and score >= self.flag:
            return "flag"
        return "allow"


class TermRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Words and phrases that say the same about a text.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what a text with one of these terms is; one of the policy's labels.
        score: how surely, 0 to 1.
        terms: the words and phrases.
        language: looks only at events of this language (its primary subtag) or of none; None: at all.
        whole_words: whether a term must stand between word bounds.
        exact: only as written, not with look-alike letters: for terms such as Spanish "ano", which "año" folds to.
    """

    rule: Name
    label: Name
    score: Score
    terms: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(min_length=1)]
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}\Z", description="like en or de")] | None = None
    whole_words: bool = True
    exact: bool = False


class PatternRule(Struct, frozen=True, forbid_unknown_fields=True):
    """One re2 expression over the normalised text.

    Args:
        rule: names the rule in verdicts; unique in the policy.
        label: what a text that matches is; one of the policy's labels.
        score: how surely, 0 to 1.
        pattern: the expression, linear in time by construction; letter case does not matter.
        language: looks only at events of this language (its primary subtag) or of none; None: at all.
    """

    rule: Name
    label: Name
    score: Score
    pattern: Annotated[str, Meta(min_length=1, max_length=2000)]
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}\Z", description="like en or de")] | None = None


class PersonalDataRule(Struct, frozen=True, forbid_unknown_fields=True):
    """What personal data in a text counts for. Excerpts are masked whatever stands here.

    Args:
        label: what a text with personal data is; one of the policy's labels.
        scores: how surely, 0 to 1, for each kind: email, card, iban, phone, ip. A kind left out makes no signal.
    """

    label: Name
    scores: dict[PersonalDataKind, Score]


class Surface(Struct, frozen=True, forbid_unknown_fields=True):
    """What is different where something is posted: whole thresholds for the labels named."""

    labels: dict[Name, Thresholds] = {}


class Policy(Struct, frozen=True, forbid_unknown_fields=True):
    """One version of one policy.

    Args:
        id: names the policy; lower-case letters, digits and ``_``.
        labels: what content may be, each with its thresholds.
        terms, patterns, personal_data: the rules.
        surfaces: thresholds that differ on a surface.
        description, owner: for people.
    """

    id: Name
    labels: Annotated[dict[Name, Thresholds], Meta(min_length=1)]
    terms: tuple[TermRule, ...] = ()
    patterns: tuple[PatternRule, ...] = ()
    personal_data: PersonalDataRule | None = None
    surfaces: dict[Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,32}\Z")], Surface] = {}
    description: str = ""
    owner: str = ""

    @classmethod
    def load(cls, text: str) -> "Policy":
        """The policy in this TOML text.

        Raises:
            PolicyError: it is no TOML, a key is unknown or missing, a value is not allowed, or rules contradict.

        >>> Policy.load('id = "a"\\n[labels.spam]\\nflag = 2')
        Traceback (most recent call last):
        consumers.moderation.policy.PolicyError: line 3: labels.spam.flag: Expected `float` <= 1.0; received 2
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise PolicyError(f"not TOML: {error}") from None
        try:
            policy = msgspec.convert(document, cls)
        except msgspec.ValidationError as error:
            raise _readable(error, document, text) from None
        policy._check(text)
        return policy

    @property
    def version(self) -> str:
        """16 hexadecimal characters that stand for the content: comments, white space and key order do not count."""
        content = msgspec.json.encode(self, order="deterministic")
        return hashlib.sha256(content).hexdigest()[:16]

    def thresholds(self, surface: str) -> dict[str, Thresholds]:
        """Each label's thresholds on this surface."""
        override = self.surfaces.get(surface)
        return self.labels if override is None else {**self.labels, **override.labels}

    def _check(self, text: str) -> None:
        seen: dict[str, str] = {}
        kinds: dict[str, tuple[TermRule | PatternRule, ...]] = {"terms": self.terms, "patterns": self.patterns}
        for kind, rules in kinds.items():
            for position, rule in enumerate(rules):
                if rule.rule in seen:
                    what = f"received {rule.rule!r} again (also in {seen[rule.rule]}); allowed: each name once"
                    raise _error(text, (kind, position, "rule"), what)
                seen[rule.rule] = f"{kind}[{position}]"
                self._check_label(text, (kind, position, "label"), rule.label)
        if self.personal_data is not None:
            self._check_label(text, ("personal_data", "label"), self.personal_data.label)
        for label, thresholds in self.labels.items():
            _check_order(text, ("labels", label), thresholds)
        for surface, override in self.surfaces.items():
            for label, thresholds in override.labels.items():
                if label not in self.labels:
                    raise _error(text, ("surfaces", surface, "labels", label), self._unknown_label(label))
                _check_order(text, ("surfaces", surface, "labels", label), thresholds)

    def _check_label(self, text: str, path: tuple[str | int, ...], label: str) -> None:
        if label not in self.labels:
            raise _error(text, path, self._unknown_label(label))

    def _unknown_label(self, label: str) -> str:
        return f"received {label!r}; allowed: {', '.join(sorted(self.labels))} (the policy's labels)"


def _check_order(text: str, path: tuple[str | int, ...], thresholds: Thresholds) -> None:
    given = [value for value in (thresholds.flag, thresholds.review, thresholds.block) if value is not None]
    if given != sorted(given):
        received = ", ".join(str(value) for value in given)
        raise _error(text, path, f"received {received}; allowed: flag <= review <= block")


def _readable(error: msgspec.ValidationError, document: dict[str, Any], text: str) -> PolicyError:
    what, _, where = str(error).partition(" - at `")
    steps = _parse_path(where.removeprefix("key` in `").rstrip("`"))
    if where.startswith("key`"):
        steps = (*steps, "...")
    path = _with_keys(steps, str(error), document)
    received: Any = document
    for step in path:
        try:
            received = received[step]
        except (KeyError, IndexError, TypeError):
            return _error(text, path, what)
    # What is unknown or missing is named by the message itself.
    shown = "" if isinstance(received, dict | list) else f"; received {received!r}"
    return _error(text, path, what + shown)


def _parse_path(where: str) -> tuple[str | int, ...]:
    """The steps in msgspec's notation of a place, such as ``$.terms[0].score``; ``...`` for a key it does not name.

    >>> _parse_path("$.terms[0].score"), _parse_path("$.labels[...].flag")
    (('terms', 0, 'score'), ('labels', '...', 'flag'))
    """
    steps: list[str | int] = []
    for name, position in re.findall(r"\.(\w+)|\[(\d+|\.\.\.)\]", where):
        steps.append(int(position) if position.isdigit() else name or position)
    return tuple(steps)


def _with_keys(path: tuple[str | int, ...], message: str, document: dict[str, Any]) -> tuple[str | int, ...]:
    """The path with each unnamed key replaced by the first one that, alone in its table, gives the same message."""
    if "..." not in path:
        return path
    at = path.index("...")
    table: Any = document
    for step in path[:at]:
        table = table[step]
    for key in table:
        alone = _replaced(document, path[:at], {key: table[key]})
        try:
            msgspec.convert(alone, Policy)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return _with_keys((*path[:at], key, *path[at + 1 :]), message, alone)
    return path[:at]


def _replaced(document: Any, path: tuple[str | int, ...], value: object) -> Any:
    return {**document, path[0]: _replaced(document[path[0]], path[1:], value)} if path else value


def _error(text: str, path: tuple[str | int, ...], what: str) -> PolicyError:
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
    line = line_of(text, path)
    return PolicyError(f"{f'line {line}: ' if line else ''}{name + ': ' if name else ''}{what}")
