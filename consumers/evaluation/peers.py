"""Other tools that answer the same questions, where they are installed; never needed, never imported unasked."""

import importlib
import importlib.metadata
import random
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from consumers.evaluation.evaluating import Sampled
from consumers.evaluation.judge import Question

FROM = 0.5
"""From which score of a peer on a text counts as found."""

_NOT_RUDE = frozenset({"spam", "scam", "personal_data"})
_PERSONAL = frozenset({"personal_data"})

Scoring = Callable[[Sequence[str]], Sequence[float]]


class Peer(Struct, frozen=True):
    """A tool.

    Args:
        package: what to install.
        module: what to import.
        personal: it finds personal data, and nothing rude.
        load: makes ready what gives each text a score from 0 to 1.
    """

    package: str
    module: str
    personal: bool
    load: Callable[[Any], Scoring]

    def answers(self, question: Question) -> bool:
        """Whether it can be asked this."""
        if self.personal:
            return question.labels == _PERSONAL
        return not question.labels or bool(question.labels - _NOT_RUDE)


def _better_profanity(module: Any) -> Scoring:
    module.profanity.load_censor_words()
    contains = module.profanity.contains_profanity
    return lambda texts: [float(contains(text)) for text in texts]


def _profanity_check(module: Any) -> Scoring:
    return lambda texts: [float(score) for score in module.predict_prob(list(texts))]


def _presidio(module: Any) -> Scoring:
    known = importlib.import_module("presidio_analyzer.predefined_recognizers")
    kinds = ("Email", "CreditCard", "Iban", "Ip", "Phone", "UsSsn")
    finders = [getattr(known, f"{kind}Recognizer")() for kind in kinds]

    def score(text: str) -> float:
        found = [one.score for finder in finders for one in finder.analyze(text, finder.supported_entities, None) or ()]
        return max(found, default=0.0)

    return lambda texts: [score(text) for text in texts]


PEERS: tuple[Peer, ...] = (
    Peer("better-profanity", "better_profanity", False, _better_profanity),
    Peer("alt-profanity-check", "profanity_check", False, _profanity_check),
    Peer("presidio-analyzer", "presidio_analyzer", True, _presidio),
)


class Loaded(Struct, frozen=True):
    """A tool made ready: its name with its version, and what scores texts."""

    peer: Peer
    name: str
    score: Scoring


def load(names: Iterable[str] | None = None) -> tuple[list[Loaded], dict[str, str]]:
    """Those that are installed, and why the others are not there.

    Args:
        names: packages; None: all that are known.
    """
    loaded, missing = [], {}
    for peer in PEERS:
        if names is not None and peer.package not in names:
            continue
        try:
            with warnings.catch_warnings():
                # What a tool says of its own innards is no business of who asks it.
                warnings.simplefilter("ignore")
                score = peer.load(importlib.import_module(peer.module))
            version = importlib.metadata.version(peer.package)
        except ModuleNotFoundError as error:
            missing[peer.package] = f"no module {error.name}"
        except Exception as error:  # whatever a tool of others does at import
            missing[peer.package] = f"{type(error).__name__} while it was loaded"
        else:
            loaded.append(Loaded(peer, f"{peer.package} {version}", score))
    return loaded, missing


class Sample:
    """At most so many texts out of however many come, each as likely as any other; the same for the same seed."""

    def __init__(self, most: int, *, seed: int = 1) -> None:
        """Begins without texts."""
        self._most = most
        self._chance = random.Random(seed)  # noqa: S311 - a choice of texts, no secret
        self._kept: list[tuple[int, str]] = []
        self._seen = 0

    def add(self, text: str) -> None:
        """One more text."""
        if self._seen < self._most:
            self._kept.append((self._seen, text))
        elif (place := self._chance.randrange(self._seen + 1)) < self._most:
            self._kept[place] = (self._seen, text)
        self._seen += 1

    @property
    def places(self) -> list[int]:
        """Which texts they are, by their number from 0."""
        return [place for place, _ in self._kept]

    @property
    def texts(self) -> list[str]:
        """The texts."""
        return [text for _, text in self._kept]

    def asked(self, one: Loaded, questions: Sequence[Question]) -> Sampled | None:
        """What a tool says of these texts; None when it can answer none of the questions."""
        names = frozenset(question.name for question in questions if one.peer.answers(question))
        if not names or not self._kept:
            return None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            scores = list(one.score(self.texts))
        found = [score >= FROM for score in scores]
        if one.peer.personal:
            found = [score > 0 for score in scores]
        return Sampled(one.name, self.places, found, scores, names)
