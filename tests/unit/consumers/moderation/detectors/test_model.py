"""The linear model at run time: features, weights files, scores, and what a policy makes of them."""

import hashlib
import math
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.models import read_weights
from consumers.moderation.detectors.model import ModelDetector
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.moderator import Moderator
from consumers.moderation.ngrams import FEATURES, RUN, core_of, grams, is_unspaced, length, words
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.remembered import REMEMBERED
from consumers.moderation.rules import ModelHead, ModelRule
from consumers.moderation.scorer import MAX_SCORED, RUN_WEIGHT, WINDOW, Scorer, tokens_of, windows
from consumers.moderation.weights import MAGIC, Head, Header, Weights, WeightsError, encode
from consumers.policies import read_policy

KNOWN = ("bitch", "fuck", "hello", "idiot", "my", "you")
RUDE = Head("insult", 0.05, 0.01, 1.0, -2.0)
SPAM = Head("spam", 0.02, 0.005, 0.7, -3.0)


def table(size: int, seed: int) -> bytes:
    """Weights from -127 to 127, all of them some."""
    made = b"".join(hashlib.sha256(b"%d %d" % (seed, part)).digest() for part in range(size // 32 + 1))[:size]
    return bytes(value if value != 128 else 127 for value in made)


def made_of(
    *heads: Head, known: tuple[str, ...] = KNOWN, tables: list[tuple[bytes, bytes]] | None = None, bits: int = 8
) -> bytes:
    """A weights file that knows a few words."""
    keys = sorted(zlib.crc32(word.encode()) for word in known)
    if tables is None:
        tables = [(table(len(known), place), table(1 << bits, 10 + place)) for place in range(len(heads))]
    header = Header("test", FEATURES, heads, len(known), bits, 0.8, 4.0, "", {"sets": []})
    return encode(header, b"".join(key.to_bytes(4, "little") for key in keys), tables)


FILE = made_of(RUDE, SPAM)
WEIGHTS = Weights.read(FILE)
SHIPPED = Weights.read(read_weights("default"))


def rule(**heads: ModelHead) -> ModelRule:
    return ModelRule(WEIGHTS.name, heads or {"insult": ModelHead("insult", 0.3)})


def slow_scores(plain: str) -> dict[str, float]:
    """What the file's description says, step by step."""
    scores = {}
    for head, weights in zip(WEIGHTS.header.heads, WEIGHTS.tables, strict=True):
        best = 0.0
        for window in windows(plain):
            count, total = 0, 0.0
            for token in set(window):
                of_token = 0.0
                for word in words(token):
                    count += length(word)
                    key = zlib.crc32(word.encode())
                    if key in WEIGHTS.words:
                        of_token += weights.words[WEIGHTS.words.index(key)] * head.words
                        continue
                    found = [weights.grams[gram % 256] for gram in grams(word)]
                    share = RUN_WEIGHT if is_unspaced(word) else 0.8 / math.sqrt(len(found) or 1)
                    of_token += sum(found) * head.grams * share
                total += round(of_token * 256) / 256
            if count:
                logit = head.scale * total / math.sqrt(count + 4) + head.bias
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
    assert words(normalise(written).plain) == words(meant)


@pytest.mark.parametrize(
    "token", ["@", "@idiot!", "www.", "www...", "http://...", "https://", "(http://)", "://", "..."]
)
def test_a_mention_and_a_link_are_no_words_however_little_there_is_of_them(token: str) -> None:
    assert words(token) == []
    assert core_of(token) is None


@given(st.text(alphabet="aZé我1@.w/:!$*'", min_size=1, max_size=12))
def test_a_token_has_the_words_of_the_word_that_it_is_but_for_signs(token: str) -> None:
    assert (core := core_of(token)) is None or words(core) == words(token)


@pytest.mark.parametrize("pair", [("cool", "col"), ("идиот", "идиома"), ("für", "fur2"), ("2019", "xy")])
def test_honest_words_stay_apart(pair: tuple[str, str]) -> None:
    assert words(pair[0]) != words(pair[1])


def test_an_unknown_word_shares_its_inside_with_its_forms() -> None:
    assert len(set(grams("switch")) & set(grams("switches"))) > len(set(grams("switch")) & set(grams("stitch")))


def test_mentions_and_years_say_nothing() -> None:
    assert words("@idiot") == []
    assert words("2024") == []
    assert Scorer(WEIGHTS).scores("@idiot 2024") == {"insult": 0.0, "spam": 0.0}
    assert Scorer(WEIGHTS).scores("") == {"insult": 0.0, "spam": 0.0}


@given(st.text(max_size=60).map(lambda text: normalise(text).plain).filter(lambda text: text.split() == [text]))
def test_ngrams_are_numbers_of_32_bits_whatever_the_token(token: str) -> None:
    for word in words(token):
        assert 0 < len(word) <= 40
        assert length(word) >= 1
        assert all(0 <= gram < 1 << 32 for gram in grams(word))


def test_a_long_run_without_spaces_is_looked_at_piece_by_piece() -> None:
    run = "".join(chr(0x4E00 + place) for place in range(50))
    assert [len(word) for word in words(run)] == [RUN, RUN, 10]
    assert [len(token) for token in tokens_of(f"{run} ok")] == [RUN, RUN, 10, 2]
    assert tokens_of("a" * 200) == ["a" * 200]


@given(
    st.lists(
        st.text(alphabet=st.sampled_from("abcxyz01@!.-äßидиот你是白痴 \U0001f600"), min_size=1, max_size=30),
        max_size=60,
    )
)
def test_scores_are_those_of_the_slow_way_also_when_asked_again(words: list[str]) -> None:
    plain = normalise(" ".join(words)).plain
    scorer = Scorer(WEIGHTS)
    assert scorer.scores(plain) == pytest.approx(slow_scores(plain), abs=1e-12)
    assert scorer.scores(plain) == pytest.approx(slow_scores(plain), abs=1e-12)
    assert all(0 <= score <= 1 for score in scorer.scores(plain).values())


@pytest.mark.parametrize(("first", "second"), [(127, -127), (-127, 127), (-127, -127), (127, 127)])
def test_the_largest_sums_do_not_reach_into_each_other(first: int, second: int) -> None:
    most = Head("a", 999.0, 999.0, 1.0, 0.0)
    tables = [(b"", bytes([value & 255]) * 256) for value in (first, second)]
    file = made_of(most, msgspec.structs.replace(most, name="b"), known=(), tables=tables)
    # The most that a window holds, each token at its bound.
    text = " ".join(chr(0x4E00 + place) * RUN for place in range(WINDOW * 3 // 2))
    one, two = Scorer(Weights.read(file)).strongest(text)
    assert math.copysign(1, one) == math.copysign(1, first)
    assert math.copysign(1, two) == math.copysign(1, second)
    assert abs(one) == abs(two)


TEXTS = [
    "you idiot",
    "hello fucker, you're a b1tch",
    "你是白痴 hello",
    "@you 12",
    " ".join(f"w{one}x you" for one in range(90)),
]


@pytest.mark.parametrize("text", TEXTS)
def test_each_of_many_heads_is_scored_as_if_it_stood_alone(text: str) -> None:
    heads = [Head(f"h{place}", 0.01 * (place + 1), 0.003 * (9 - place), 1.0, -1.0) for place in range(9)]
    tables = [(table(len(KNOWN), place), table(256, 20 + place)) for place in range(9)]
    together = Scorer(Weights.read(made_of(*heads, tables=tables))).strongest(text)
    alone = [
        Scorer(Weights.read(made_of(head, tables=[one]))).strongest(text)[0]
        for head, one in zip(heads, tables, strict=True)
    ]
    assert together == alone


@pytest.mark.parametrize("text", TEXTS)
def test_a_head_reaches_its_least_where_its_strongest_window_does(text: str) -> None:
    scorer = Scorer(WEIGHTS)
    assert scorer.reached([math.inf, math.inf])(text) == {}
    for place, strongest in enumerate(scorer.strongest(text)):
        if strongest > -math.inf:
            for least, found in (
                (strongest, {place: strongest}),
                (math.nextafter(strongest, math.inf), {}),
                (-1e300, {place: strongest}),
            ):
                only = [math.inf, math.inf]
                only[place] = least
                assert scorer.reached(only)(text) == found


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


def test_one_rude_clause_counts_as_much_among_ten_calm_ones() -> None:
    scorer = Scorer(SHIPPED)
    insult = "you stupid fucking idiot"
    calm = "we went to the park and had a nice walk with the children . " * 10
    assert scorer.scores(insult)["insult"] > 0.5
    assert scorer.scores(calm)["insult"] < 0.01
    for text in (calm + insult, f"{insult} {calm}", f"{calm} {insult} {calm}"):
        assert scorer.scores(normalise(text).plain)["insult"] > 0.05


def test_a_very_long_text_is_scored_by_its_beginning_and_its_end() -> None:
    scorer = Scorer(SHIPPED)
    insult = " ".join(["you stupid fucking idiot"] * 20)
    calm = "we went to the park and had a nice walk with the children " * 200
    assert len(calm) > MAX_SCORED
    assert scorer.scores(f"{calm}{insult}")["insult"] > 0.2
    assert scorer.scores(f"{calm}{insult} {calm}")["insult"] < 0.05


def test_every_token_of_a_long_text_is_in_a_window() -> None:
    for count in range(1, 200):
        parts = windows(" ".join(f"w{number}" for number in range(count)))
        assert {token for part in parts for token in part} == {f"w{number}" for number in range(count)}
        assert all(len(part) <= WINDOW * 3 // 2 for part in parts)


@pytest.mark.parametrize("unit", ["a", "ab ", "你", "http://", "@", "0 ", "é", "\U0001f600", "a.b,"])
def test_of_a_text_of_64_kib_only_a_bounded_part_is_looked_at(unit: str) -> None:
    text = (unit * 65536)[: 65536 // len(unit.encode())]
    parts = windows(normalise(text).plain)
    assert sum(len(token) for part in parts for token in part) <= 2 * MAX_SCORED
    assert ModelDetector(WEIGHTS, rule()).detect(Subject(normalise(text), None, frozenset())) is not None


def test_a_signal_names_head_label_and_score_and_is_given_from_at_least_on() -> None:
    text = "you idiot"
    score = Scorer(WEIGHTS).scores(text)["insult"]
    subject = Subject(normalise(text), None, frozenset())
    [signal] = ModelDetector(WEIGHTS, rule(insult=ModelHead("rude", score - 0.001))).detect(subject)
    assert (signal.detector, signal.label, signal.rule) == ("model", "rude", "model_insult")
    assert signal.score == round(score, 4)
    assert ModelDetector(WEIGHTS, rule(insult=ModelHead("rude", score + 0.001))).detect(subject) == []
    [capped] = ModelDetector(WEIGHTS, rule(insult=ModelHead("rude", score / 4, score / 2))).detect(subject)
    assert capped.score == round(score / 2, 4)


def test_a_score_counts_as_what_the_policy_makes_of_it() -> None:
    head = ModelHead("insult", at_least=0.1, at_most=0.8, counts_from=0.4)
    assert (head.counts_as(0.1), head.counts_as(1.0)) == (0.4, 0.8)
    assert head.counts_as(0.3) < head.counts_as(0.31)


def test_the_words_that_made_a_score_are_named_and_add_up_to_it() -> None:
    scorer = Scorer(WEIGHTS)
    text = "hello my idiot, you fuckers 你是白痴"
    for head, raw in zip(scorer.heads, scorer.strongest(text), strict=True):
        parts = scorer.parts(text, head.name)
        assert [part.token for part in sorted(parts, key=lambda part: text.index(part.token))] == text.split()
        assert sum(part.logit for part in parts) == pytest.approx(raw * head.scale)
        assert [part.logit for part in parts] == sorted((part.logit for part in parts), reverse=True)
    found = Scorer(SHIPPED).parts("what a lovely day you stupid idiot", "insult")
    assert {part.token for part in found[:2]} == {"stupid", "idiot"}


def test_what_a_policy_allows_is_not_scored() -> None:
    detector = ModelDetector(SHIPPED, ModelRule(SHIPPED.name, {"profanity": ModelHead("insult", 0.3)}))
    text = normalise("fuck bitch whore and so on")
    assert detector.detect(Subject(text, None, frozenset()))
    assert detector.detect(Subject(text, None, frozenset(), ((0, 16),))) == []


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: b"", "weights: no weights file"),
        (lambda data: b"PK\3\4" + data, "weights: no weights file"),
        (lambda data: b"SKLM0001" + data[8:], "weights: format '0001'; allowed: '0002'"),
        (lambda data: data[:40], "weights: cut off inside the header, at 40 bytes"),
        (lambda data: data[:-1], "weights: 547 bytes of tables, the header asks for 548"),
        (lambda data: data + b"\0", "weights: 549 bytes of tables, the header asks for 548"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "weights: the tables are damaged"),
        (lambda data: data.replace(b'"bits":8', b'"bits":99'), "weights: its header cannot be read"),
        (lambda data: data.replace(b'"name":"spam"', b'"nome":"spam"'), "weights: its header cannot be read"),
        (lambda data: data.replace(b'"features":2', b'"features":7'), "weights: made for features 7"),
        (lambda data: data[: len(MAGIC)] + b"\xff\xff\xff\xff" + data[12:], "weights: cut off inside the header"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_by_name(damage, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(WeightsError, match="^" + message.replace("(", r"\(")):
        Weights.read(damage(FILE))


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
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


@given(st.binary(max_size=400), st.booleans(), st.integers(0, 400))
def test_bytes_that_are_no_weights_are_refused_whatever_they_are(body: bytes, with_magic: bool, length: int) -> None:
    data = MAGIC + length.to_bytes(4, "big") + body if with_magic else body
    with pytest.raises(WeightsError, match=r"^weights: "):
        Weights.read(data)


def test_encoding_and_reading_gives_the_same() -> None:
    assert WEIGHTS.header.heads == (RUDE, SPAM)
    assert WEIGHTS.words.tolist() == sorted(zlib.crc32(word.encode()) for word in KNOWN)
    assert WEIGHTS.tables[1].words.tobytes() == table(len(KNOWN), 1)
    assert WEIGHTS.tables[1].grams.tolist() == [value - 256 if value > 127 else value for value in table(256, 11)]
    assert made_of(RUDE, SPAM) == FILE
    with pytest.raises(WeightsError, match=r"allowed: 2 of \(6, 256\)"):
        made_of(RUDE, SPAM, tables=[(table(6, 1), table(256, 1))])


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
        **{"weights": WEIGHTS.name, "head": "insult", "label": "insult", "least": 0.2, "most": 1.0} | changes
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"label": "rude"}, "model.heads.insult.label: received 'rude'; allowed: insult"),
        ({"least": 0}, "model.heads.insult.at_least: received 0; allowed: a number above 0 and below 1"),
        ({"most": 0.1}, "model.heads.insult.at_most: received 0.1 below at_least 0.2; allowed: at_least <= at_most"),
        (
            {"most": "0.5\ncounts_from = 0.6"},
            "model.heads.insult.counts_from: received 0.6 above at_most 0.5; allowed: counts_from <= at_most",
        ),
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
        ({"head": "rude"}, "model: received head 'rude'; allowed: insult, spam"),
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
        assert "insult" in moderator.judge(text, surface="comment").decision.labels


def test_scores_by_label_are_given_also_below_at_least() -> None:
    moderator = Moderator(Policy.load(policy_text(least=0.99)), weights=lambda _: FILE)
    assert moderator.judge("you idiot", surface="comment").signals == ()
    assert moderator.model_scores("YOU idiot") == {"insult": Scorer(WEIGHTS).scores("you idiot")["insult"]}


def test_the_default_policy_names_the_weights_in_the_bundle() -> None:
    policy = Policy.load(read_policy("default"))
    assert policy.model is not None
    assert policy.model.weights == SHIPPED.name
    assert policy.model.heads.keys() == {head.name for head in SHIPPED.header.heads}
    # By itself the model takes nothing down.
    for head in policy.model.heads.values():
        block = policy.labels[head.label].block
        assert block is None or head.at_most < block


def test_the_shipped_weights_are_small_and_say_what_they_were_made_of() -> None:
    assert len(read_weights(SHIPPED.name)) <= 4_000_000
    licences = {one["name"]: one["licence"] for one in SHIPPED.header.training["sets"]}
    assert all(licences.values())
    assert not {"told_br", "korean_hate", "rtp_prompts", "pejorativity_it"} & licences.keys()
