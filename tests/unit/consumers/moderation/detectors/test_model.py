"""The linear model at run time: features, weights files, scores, and what a policy makes of them."""

import hashlib
import math

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.models import read_weights
from consumers.moderation.detectors.model import MAX_SCORED, REMEMBERED, WINDOW, ModelDetector, Scorer, windows
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.moderator import Moderator
from consumers.moderation.ngrams import features
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.rules import ModelHead, ModelRule
from consumers.moderation.weights import MAGIC, Head, Weights, WeightsError, encode
from consumers.policies import read_policy
from tests.fakes.work import assert_linear

TOXIC = Head("toxic", 10, 20.0, 0.05, -0.5)
SPAM = Head("spam", 8, 0.0, 0.2, -2.0)


def table(bits: int, seed: int) -> bytes:
    """Weights from -127 to 127, all of them some."""
    made = b"".join(hashlib.sha256(b"%d %d" % (seed, part)).digest() for part in range((1 << bits) // 32))
    return bytes(value if value != 128 else 127 for value in made)


FILE = encode("test", [(TOXIC, table(10, 1)), (SPAM, table(8, 2))], training={"sets": []})
WEIGHTS = Weights.read(FILE)
SHIPPED = Weights.read(read_weights("default"))


def rule(**heads: ModelHead) -> ModelRule:
    return ModelRule(WEIGHTS.name, heads or {"toxic": ModelHead("insult", 0.3)})


def slow_scores(plain: str) -> dict[str, float]:
    """What the file's description says, step by step."""
    scores = {}
    for head, weights in zip(WEIGHTS.header.heads, WEIGHTS.tables, strict=True):
        best = 0.0
        for window in windows(plain):
            count, total = 0, 0
            for token in set(window.split()):
                for feature in features(token):
                    count += 1
                    total += weights[feature % (1 << head.bits)]
            if count:
                logit = head.scale * total / math.sqrt(count + head.steady) + head.bias
                best = max(best, 1 / (1 + math.exp(-logit)))
        scores[head.name] = best
    return scores


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("1d1ot", "idiot"),
        ("IDIOT!!", "idiot"),
        ("idiooooot", "idiot"),
        ("ïdiöt", "idiot"),
        ("\u0456di\u043et", "idiot"),  # two Cyrillic letters
        ("(idiot)", "idiot"),
        ("$tup1d", "stupid"),
        ("08712345678", "07798765432"),
        ("150p", "175p"),
    ],
)
def test_a_word_is_looked_at_as_it_is_meant_to_be_read(written: str, meant: str) -> None:
    assert features(normalise(written).plain) == features(meant)


@pytest.mark.parametrize("pair", [("cool", "col"), ("идиот", "идиома"), ("für", "fur2"), ("2019", "x")])
def test_honest_words_stay_apart(pair: tuple[str, str]) -> None:
    assert features(pair[0]) != features(pair[1])


def test_a_word_shares_features_with_its_forms_and_none_with_what_it_rhymes_with() -> None:
    assert features("switch") & features("switches")
    assert not features("switch") & features("stitch")


def test_mentions_and_years_say_nothing() -> None:
    assert features("@idiot") == set()
    assert features("2024") == set()
    assert Scorer(WEIGHTS).scores("@idiot 2024") == {"toxic": 0.0, "spam": 0.0}
    assert Scorer(WEIGHTS).scores("") == {"toxic": 0.0, "spam": 0.0}


@given(st.text(max_size=12).map(lambda text: normalise(text).plain).filter(lambda text: text.split() == [text]))
@settings(max_examples=300)
def test_features_are_numbers_of_32_bits_whatever_the_token(token: str) -> None:
    found = features(token)
    assert found == features(token)
    assert all(0 <= feature < 1 << 32 for feature in found)


@given(
    st.lists(
        st.text(alphabet=st.sampled_from("abcxyz01@!.-äßидиот你是白痴 \U0001f600"), min_size=1, max_size=30),
        max_size=60,
    )
)
@settings(max_examples=200)
def test_scores_are_those_of_the_slow_way_also_when_asked_again(words: list[str]) -> None:
    plain = normalise(" ".join(words)).plain
    scorer = Scorer(WEIGHTS)
    assert scorer.scores(plain) == pytest.approx(slow_scores(plain), abs=1e-12)
    assert scorer.scores(plain) == pytest.approx(slow_scores(plain), abs=1e-12)
    assert all(0 <= score <= 1 for score in scorer.scores(plain).values())


def test_sums_of_opposite_signs_do_not_reach_into_each_other() -> None:
    for first, second in ((127, -127), (-127, 127), (-127, -127)):
        heads = [(Head("a", 8, 0.0, 1.0, 0.0), bytes([first & 255]) * 256)]
        heads.append((Head("b", 8, 0.0, 1.0, 0.0), bytes([second & 255]) * 256))
        scorer = Scorer(Weights.read(encode("signs", heads, training={})))
        # The most features that fit into a window: different Chinese characters.
        text = "".join(chr(0x4E00 + place) for place in range(WINDOW))
        count = len(features(text))
        assert count > 2900
        assert scorer.strongest(text) == pytest.approx([first * math.sqrt(count), second * math.sqrt(count)])


def test_what_is_remembered_is_bounded_and_changes_no_score() -> None:
    scorer = Scorer(WEIGHTS)
    before = scorer.scores("you idiot")
    for start in range(0, 2 * REMEMBERED + 200, 100):
        scorer.scores(" ".join(f"w{number}x" for number in range(start, start + 100)))
    kept = scorer._sums.__self__  # type: ignore[attr-defined]
    assert len(kept) <= REMEMBERED
    assert len(kept._older) <= REMEMBERED
    assert scorer.scores("you idiot") == before
    scorer.scores("z" * 500)
    assert "z" * 500 not in kept


def test_a_long_text_is_scored_by_windows_of_its_beginning_and_its_end() -> None:
    scorer = Scorer(SHIPPED)
    insult = "you stupid fucking bitch"
    calm = "we went to the park and had a nice walk with the children " * 20
    alone = scorer.scores(insult)["toxic"]
    assert alone > 0.5
    assert scorer.scores(calm)["toxic"] < 0.05
    at_the_end = normalise(calm * 10 + " " + " ".join([insult] * 20)).plain
    assert len(at_the_end) > MAX_SCORED
    assert scorer.scores(at_the_end)["toxic"] > 0.5
    in_the_middle = normalise(calm * 10 + insult + " " + calm * 10).plain
    assert scorer.scores(in_the_middle)["toxic"] < 0.1
    assert all(len(part) <= WINDOW for part in windows(at_the_end))


@pytest.mark.parametrize("unit", ["a", "ab ", "你", "http://", "@", "0 ", "é", "\U0001f600", "a.b,"])
def test_the_work_for_a_text_grows_as_the_text_does(unit: str) -> None:
    detector = ModelDetector(WEIGHTS, rule())
    assert_linear(lambda text: detector.detect(Subject(normalise(text), None, frozenset())), unit)


def test_a_signal_names_head_label_and_score_and_is_given_from_at_least_on() -> None:
    text = "you idiot"
    score = Scorer(WEIGHTS).scores(text)["toxic"]
    subject = Subject(normalise(text), None, frozenset())
    [signal] = ModelDetector(WEIGHTS, rule(toxic=ModelHead("insult", score - 0.001))).detect(subject)
    assert (signal.detector, signal.label, signal.rule) == ("model", "insult", "model_toxic")
    assert signal.score == round(score, 4)
    assert ModelDetector(WEIGHTS, rule(toxic=ModelHead("insult", score + 0.001))).detect(subject) == []
    [capped] = ModelDetector(WEIGHTS, rule(toxic=ModelHead("insult", score / 4, score / 2))).detect(subject)
    assert capped.score == round(score / 2, 4)


def test_what_a_policy_allows_is_not_scored() -> None:
    detector = ModelDetector(SHIPPED, ModelRule(SHIPPED.name, {"toxic": ModelHead("insult", 0.3)}))
    text = normalise("fuck bitch whore and so on")
    assert detector.detect(Subject(text, None, frozenset()))
    assert detector.detect(Subject(text, None, frozenset(), ((0, 16),))) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "weights: no weights file"),
        (lambda data: b"PK\3\4" + data, "weights: no weights file"),
        (lambda data: b"SKLM0002" + data[8:], "weights: format '0002'; allowed: '0001'"),
        (lambda data: data[:40], "weights: cut off inside the header, at 40 bytes"),
        (lambda data: data[:-1], "weights: 1,279 bytes of weights, the header asks for 1,280"),
        (lambda data: data + b"\0", "weights: 1,281 bytes of weights, the header asks for 1,280"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "weights: the weights are damaged"),
        (lambda data: data.replace(b'"bits":10', b'"bits":99'), "weights: its header cannot be read"),
        (lambda data: data.replace(b'"name":"spam"', b'"nome":"spam"'), "weights: its header cannot be read"),
        (lambda data: data.replace(b'"features":1', b'"features":7'), "weights: made for features 7"),
        (lambda data: data[: len(MAGIC)] + b"\xff\xff\xff\xff" + data[12:], "weights: cut off inside the header"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_by_name(damage, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WeightsError, match="^" + message.replace("(", r"\(")):
        Weights.read(damage(FILE))


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
@settings(max_examples=300)
def test_no_changed_byte_is_taken_for_the_same_weights(place: int, change: int) -> None:
    damaged = bytearray(FILE)
    damaged[place] ^= change
    try:
        read = Weights.read(bytes(damaged))
    except WeightsError:
        return
    # A change of the header that is still a header: another version, so a policy's pin refuses it.
    assert read.version != WEIGHTS.version
    with pytest.raises(WeightsError, match="there is"):
        ModelDetector(read, rule())


def test_encoding_and_reading_gives_the_same() -> None:
    assert WEIGHTS.header.heads == (TOXIC, SPAM)
    assert WEIGHTS.tables[0].tobytes() == table(10, 1)
    assert WEIGHTS.tables[1].tobytes() == table(8, 2)
    assert WEIGHTS.tables[0].tolist() == [value - 256 if value > 127 else value for value in table(10, 1)]
    assert encode("test", [(TOXIC, table(10, 1)), (SPAM, table(8, 2))], training={"sets": []}) == FILE
    with pytest.raises(WeightsError, match="head 'toxic': 256 weights; allowed: 2 \\*\\* 10"):
        encode("test", [(TOXIC, table(8, 1))], training={})
    with pytest.raises(WeightsError, match="allowed: finite numbers"):
        encode("test", [(msgspec.structs.replace(SPAM, bias=math.nan), table(8, 1))], training={})


POLICY = """
id = "example"
[labels.insult]
flag = 0.3
[model]
weights = "{weights}"
[model.heads.{head}]
label = "{label}"
at_least = {least}
at_most = {most}
"""


def policy_text(**changes: object) -> str:
    return POLICY.format(
        **{"weights": WEIGHTS.name, "head": "toxic", "label": "insult", "least": 0.2, "most": 1.0} | changes
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "rude"}, "model.heads.toxic.label: received 'rude'; allowed: insult"),
        ({"least": 0}, "model.heads.toxic.at_least: received 0; allowed: a number above 0 and below 1"),
        ({"most": 0.1}, "model.heads.toxic.at_most: received 0.1 below at_least 0.2; allowed: at_least <= at_most"),
        ({"weights": "default"}, "model.weights: received 'default'; allowed: name@version"),
    ],
)
def test_a_model_table_that_cannot_be_meant_is_refused_with_its_line(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PolicyError, match=r"^line \d+, column \d+: " + message.replace(".", r"\.")):
        Policy.load(policy_text(**changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"weights": "test@0123456789abcdef"},
            f"model: received weights 'test@0123456789abcdef'; there is '{WEIGHTS.name}'",
        ),
        ({"head": "rude"}, "model: received head 'rude'; allowed: toxic, spam"),
    ],
)
def test_weights_that_do_not_fit_the_policy_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        Moderator(Policy.load(policy_text(**changes)), weights=lambda _: FILE)


def test_weights_that_are_not_in_the_bundle_are_refused() -> None:
    with pytest.raises(PolicyError, match="model: received weights 'nope@0123456789abcdef'; allowed: default"):
        Moderator(Policy.load(policy_text(weights="nope@0123456789abcdef")))


def test_a_policy_without_a_model_has_none() -> None:
    policy = Policy.load('id = "plain"\n[labels.insult]\nflag = 0.3')
    moderator = Moderator(policy)
    assert moderator.model_scores("you idiot") == {}
    assert "model" not in [detector.name for detector in moderator.detectors]
    assert b"model" not in msgspec.json.encode(policy)


@pytest.mark.parametrize("apart", ["p.a.t.h.e.t.i.c r.e.t.a.r.d", "p-a-t-h-e-t-i-c r-e-t-a-r-d"])
def test_words_that_were_pulled_apart_are_scored_as_words(apart: str) -> None:
    moderator = Moderator(Policy.load(read_policy("default")))
    for text in (f"you {apart}, nobody wants you here", f"{apart} 4 5 6"):
        whole = text.replace(apart, "pathetic retard")
        assert moderator.model_scores(text)["insult"] == pytest.approx(
            moderator.model_scores(whole)["insult"], abs=0.02
        )
        assert "model_toxic" in {signal.rule for signal in moderator.judge(text, surface="comment").signals}


def test_the_work_for_a_text_of_single_letters_grows_as_the_text_does() -> None:
    assert_linear(Moderator(Policy.load(read_policy("default"))).model_scores, "a b.c-")


def test_scores_by_label_are_given_also_below_at_least() -> None:
    moderator = Moderator(Policy.load(policy_text(least=0.99)), weights=lambda _: FILE)
    assert moderator.judge("you idiot", surface="comment").signals == ()
    assert moderator.model_scores("YOU idiot") == {"insult": Scorer(WEIGHTS).scores("you idiot")["toxic"]}


def test_the_default_policy_names_the_weights_in_the_bundle() -> None:
    policy = Policy.load(read_policy("default"))
    assert policy.model is not None
    assert policy.model.weights == SHIPPED.name
    assert policy.model.heads.keys() == {head.name for head in SHIPPED.header.heads}
    # By itself the model takes nothing down.
    for head in policy.model.heads.values():
        block = policy.labels[head.label].block
        assert block is None or head.at_most < block


def test_the_shipped_weights_are_small_load_at_once_and_say_what_they_were_made_of() -> None:
    data = read_weights(SHIPPED.name)
    assert len(data) < 300_000
    Weights.read(data)
    licences = {one["name"]: one["licence"] for one in SHIPPED.header.training["sets"]}
    assert len(licences) == 8
    assert all(licences.values())
    assert not {"told_br", "korean_hate"} & licences.keys()
