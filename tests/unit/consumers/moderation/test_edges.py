"""Looking for words with their edges finds what looking for their letters finds."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.detectors.relations.detector import Groups
from consumers.moderation.detectors.terms import TermDetector
from consumers.moderation.normalise import normalise
from consumers.moderation.rules import TermRule

TERMS = [
    *("ass", "a-hole", "free money", "f*ck", "well...", "$$$", "100% free", "looser", "kill_yourself", "é", "i'm bad"),
    *("x", "42", "don't", "шит", "白痴", "half ass"),
]
DETECTOR = TermDetector(
    [TermRule(f"rule_{number}", "insult", 0.5, (term,)) for number, term in enumerate(TERMS)]
    + [TermRule(f"inside_{number}", "insult", 0.5, (term,), whole_words=False) for number, term in enumerate(TERMS)]
)
GROUPS = Groups()
WORDS = [
    *TERMS,
    *("women", "womens", "killallmuslims", "muslmis", "the jews", "gay", "gays", "migrants!", "class", "asses", "assa"),
    *("m0ney", "free-money", "fr33", "it's", "sh!t", "aaa", "000", "_ass_", "ass's", "“ass”", "🐍", "loooser"),
]
texts = st.lists(st.one_of(st.sampled_from(WORDS), st.text(alphabet="as$ '-!1x.é", max_size=4)), max_size=8)


@given(texts, st.sampled_from(["", " ", "-", ", ", "_", "'"]))
def test_terms_are_found_alike(words: list[str], between: str) -> None:
    text = normalise(between.join(words))
    without = replace(text, edged=None)
    assert DETECTOR.detect(Subject(text, "en", frozenset())) == DETECTOR.detect(Subject(without, "en", frozenset()))


@given(texts, st.sampled_from(["", " ", "-", "'"]), st.sampled_from([None, "en", "de"]))
def test_groups_are_found_alike(words: list[str], between: str, language: str | None) -> None:
    text = normalise(between.join(words))
    assert GROUPS.languages(text.folded, language, text.edged) == GROUPS.languages(text.folded, language)


def test_a_text_has_an_edged_form_where_no_sign_is_a_letter() -> None:
    assert normalise("Well, IT'S  me!").edged == b" well  it s me  "
    assert normalise("ｆｒｅｅ").edged == b" free "
    assert normalise("fr33 m0ney!").edged == b" free money  "
    assert normalise("$pam").edged is None
    assert normalise("sh!t").edged is None
    assert normalise("café").edged is None
