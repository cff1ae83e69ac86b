"""Word lists: what they hold, in which texts they count, and what they leave alone."""

import hashlib
from importlib import resources

import pytest

from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.detectors.terms import TermDetector
from consumers.moderation.language import likely_languages
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.words import WordLists, read_list
from consumers.policies import lists, read_policy
from consumers.policies import read_list as bundled

LISTS = {
    "any": "fuck\tprofanity\tmedium\tx\n",
    "pl": "kurw*\tprofanity\tmedium\tx\ndebil\tinsult\tmedium\tx\npedał\thate\thigh\tx\tsure\n",
    "es": "puta\tprofanity\tmedium\tx\nano\tprofanity\tmedium\tx\ncabrón\tinsult\thigh\tx\n",
    "vi": "cặc\tprofanity\tmedium\tx\n",
    "en": "idiot*\tinsult\tmedium\tx\nmild\tinsult\tlow\tx\n",
}
SCORES = {"low": 0.4, "medium": 0.6, "high": 0.8, "critical": 0.95}


def found(text: str, language: str | None = None, least: float = 0.5) -> dict[str, float]:
    labels = dict.fromkeys(("profanity", "insult", "hate"), least)
    words = WordLists(LISTS.__getitem__, languages=list(LISTS), least=labels, scores=SCORES)
    signals = TermDetector([], words=words).detect(Subject(normalise(text), language, frozenset()))
    return {signal.rule: signal.score for signal in signals}


@pytest.mark.parametrize(
    ("text", "language", "rules"),
    [
        ("estoy débil hoy", "es", {}),
        ("estoy débil hoy", None, {}),
        ("on jest debil", None, {"words_pl_insult": 0.6}),
        ("ty debilu", "pl", {}),
        ("bike pedal", None, {}),
        ("bike pedal", "en", {}),
        ("ty pedale, pedał", "pl", {"words_pl_hate": 0.8}),
        ("ty jestes pedal", "pl", {"words_pl_hate": 0.8}),
        ("kurwo, kurwy, o kurwa", "pl", {"words_pl_profanity": 0.6}),
        ("kurwo", None, {"words_pl_profanity": 0.6}),
        ("kurwabsolutnienie", "pl", {}),
        ("este año", "es", {}),
        ("cabron", "es", {"words_es_insult": 0.8}),
        ("các bạn", "vi", {}),
        ("cặc", "vi", {"words_vi_profanity": 0.6}),
        ("fuck, puta", "de", {"words_any_profanity": 0.6}),
        ("f*ck this", "en", {"words_any_profanity": 0.6}),
        ("an id**t, id*ots", "en", {"words_en_insult": 0.6}),
        ("a*b and f*x", "en", {}),
        ("fuuuuck", "en", {"words_any_profanity": 0.6}),
        ("mild", "en", {}),
        ("text in a language without a list: fuck", "xx", {"words_any_profanity": 0.6}),
    ],
)
def test_a_word_counts_in_texts_of_its_language(text: str, language: str | None, rules: dict[str, float]) -> None:
    assert found(text, language) == rules


def test_words_that_lead_to_nothing_are_loaded_when_something_asks_for_them() -> None:
    assert found("mild", "en", least=0.3) == {"words_en_insult": 0.4}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("this is what you have", "en"),
        ("das ist nicht mein ernst", "de"),
        ("je ne suis pas là", "fr"),
        ("non è vero che lo sai", "it"),
        ("to nie jest tak jak myślisz", "pl"),
        ("dit is niet wat ik wil", "nl"),
        ("bu çok güzel ama değil", "tr"),
        ("то є їхнє", "uk"),
        ("это был ты", "ru"),
        ("این چیه", "fa"),
        ("ما هذا", "ar"),
        ("これは何", "ja"),
        ("这是什么", "zh"),
        ("यह क्या है", "hi"),
        ("ye kya hai bhai", "hi"),
    ],
)
def test_the_language_of_a_sentence_is_among_the_likely_ones(text: str, language: str) -> None:
    assert language in likely_languages(normalise(text).plain)


def test_the_bundled_lists_are_those_that_the_index_names() -> None:
    version, languages = lists()
    digest = hashlib.sha256()
    for language in languages:
        digest.update(bundled(language).encode())
    assert digest.hexdigest()[:16] == version, "made by hand? run make lists"
    folder = resources.files("consumers.policies") / "lists"
    assert {path.name for path in folder.iterdir()} == {f"{one}.tsv" for one in languages} | {"INDEX", "SOURCES.md"}


def test_every_word_is_in_its_plain_form_with_a_label_a_severity_and_a_known_source() -> None:
    labels = Policy.load(read_policy("default")).labels
    sources = (resources.files("consumers.policies") / "lists" / "SOURCES.md").read_text("utf-8")
    for language in lists()[1]:
        text = bundled(language)
        words = list(read_list(text))
        assert len(words) == len({term for term, *_ in words}) > 0, language
        terms = "\ue000".join(term.strip("*") for term, *_ in words)
        assert normalise(terms).plain == terms, language
        assert {label for _, label, *_ in words} <= labels.keys(), language
        assert {severity for _, _, severity, _ in words} <= SCORES.keys(), language
        named = {one for line in text.splitlines() if line[0] != "#" for one in line.split("\t")[3].split(",")}
        assert all(f"`{one}`" in sources for one in named), (language, named)


def test_a_policy_names_lists_and_may_hold_on_to_a_version() -> None:
    head = 'id = "a"\n[labels.profanity]\nflag = 0.5\n'
    version, _ = lists()
    policy = Policy.load(head + '[words]\nlanguages = ["de"]\n')
    assert policy.words is not None
    assert policy.words.version == version
    assert Policy.load(head + f'[words]\nlanguages = ["de"]\nversion = "{version}"\n').version == policy.version
    with pytest.raises(PolicyError, match=r"words.languages\[0\]: received 'qq'; allowed: .*de"):
        Policy.load(head + '[words]\nlanguages = ["qq"]\n')
    with pytest.raises(PolicyError, match=rf"words.version: received 'x'; there is {version}"):
        Policy.load(head + '[words]\nversion = "x"\n')
