"""Floods and repeats in a batch: what counts, whatever the order, in time in proportion to the batch."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.batch import Batch, Record
from consumers.escalation import Tally
from consumers.moderation.detectors.near_duplicates import alike
from consumers.moderation.detectors.velocity import OF_BATCHES, CrowdDetector
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy, PolicyError
from consumers.moderation.rules import FloodRule, RepeatRule
from consumers.policies import read_policy
from consumers.rows import RowMaker, Rows
from glue.codec import Lateness, encode, landed_timestamp
from glue.contract import ContentEvent, Signal, VerdictRow
from tests.fakes.work import steps

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
POLICY = """
id = "crowded"
[labels.flood]
flag = 0.3
[labels.spam]
flag = 0.3
review = 0.6
[[terms]]
rule = "phrases"
label = "spam"
score = 0.7
terms = ["free money"]
[[floods]]
rule = "fast"
label = "flood"
score = 0.5
events = 4
seconds = 10
[[repeats]]
rule = "same"
label = "flood"
score = 0.6
events = 3
seconds = 60
[[repeats]]
rule = "told_to"
label = "spam"
score = 0.65
events = 3
seconds = 60
authors = 3
near = true
"""
MODERATOR = Moderator(Policy.load(POLICY))


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a batch: created ``at`` seconds after the first."""

    text: str = ""
    at: float = 0
    author: str = "ann"
    event: int = 0
    content: str = ""


def posts(*given: Post) -> list[Post]:
    """The same, with event ids by position where none is given."""
    return [
        post if post.event else msgspec.structs.replace(post, event=number, text=post.text or f"text {number}")
        for number, post in enumerate(given, start=1)
    ]


def rows_of(given: Sequence[Post], moderator: Moderator = MODERATOR) -> Rows:
    records = []
    for position, post in enumerate(given):
        event = ContentEvent(
            event_id=f"00000000-0000-7000-8000-{post.event:012d}",
            content_id=post.content or f"c{post.event}",
            author_id=post.author,
            surface="comment",
            created_at=NOW - timedelta(hours=12) + timedelta(seconds=post.at),
            text=post.text,
        )
        records.append(Record(position, encode(event), NOW, landed_timestamp(NOW), "shard", str(position), 0, "key"))
    rows = RowMaker(moderator, Lateness(), code_version="1").make(Batch(records, [], []), NOW)  # type: ignore[arg-type]
    assert not rows.bad, rows.bad
    return rows


def found(given: Sequence[Post], moderator: Moderator = MODERATOR) -> list[list[str]]:
    """For each event the rules of its batch that say something of it."""
    rows = rows_of(given, moderator).verdicts
    return [[signal.rule for signal in row.signals if signal.detector in OF_BATCHES] for row in rows]


def test_who_posts_enough_in_the_time_is_flagged_with_all_of_it_and_nobody_else_is() -> None:
    velocity = [Post(at=at) for at in (0, 3, 6, 10)]
    assert found(posts(*velocity, Post(at=5, author="bob"))) == [["fast"]] * 4 + [[]]
    assert found(posts(*velocity[:3], Post(at=10.000001))) == [[]] * 4
    assert found(posts(*velocity[:3])) == [[]] * 3


def test_what_lies_apart_from_a_flood_of_the_same_author_is_not_part_of_it() -> None:
    given = posts(*(Post(at=at) for at in (0, 30, 31, 32, 33, 60)))
    assert found(given) == [[], ["fast"], ["fast"], ["fast"], ["fast"], []]


def test_copies_of_one_event_count_once_and_all_say_the_same() -> None:
    given = [Post(text=f"t{number}", event=number) for number in (1, 1, 1, 1, 2, 3)]
    assert found(given) == [[]] * 6
    assert found([*given, Post(text="t4", event=4)]) == [["fast"]] * 7


def test_a_day_that_arrives_at_once_shows_no_other_floods_than_the_day_did() -> None:
    # All of a batch here arrives in the same moment.
    assert found(posts(*(Post(at=3000.0 * number) for number in range(12)))) == [[]] * 12


def test_the_same_text_in_another_case_or_width_is_the_same_and_an_edit_is_no_repeat() -> None:
    texts = ("Buy my new record today", "BUY  my new record today", "ｂｕｙ my new rec\u200bord today")
    assert found(posts(*(Post(text=text) for text in texts))) == [["same"]] * 3
    assert found(posts(*(Post(text=text, content="one") for text in texts))) == [[]] * 3
    assert found(posts(*(Post(text=text, at=31.0 * place) for place, text in enumerate(texts)))) == [[]] * 3


def test_short_texts_and_none_are_repeated_by_honest_people() -> None:
    assert found(posts(*(Post(text="good morning!", author=f"a{n}", at=60.0 * n / 9) for n in range(9)))) == [[]] * 9
    pictures = [Post(text=" ", author=f"a{n}") for n in range(9)]
    assert found(posts(*pictures)) == [[]] * 9


NEAR = [
    "hello anna, our summer festival needs volunteers for the big saturday concert, write to team 17",
    "hello boris, our summer festival needs volunteers for the big saturday concert, write to team 23!!",
    "hi caroline: our summer festival needs volunteers for the big saturday concert, write to TEAM 9",
]
OTHER = [
    "our summer in sweden was wet, the festival in lund though was a concert to remember for a lifetime",
    "volunteers painted the school on saturday and nobody asked them to write about it in the paper",
    "does anyone know which team plays the big match tonight, and where it can be seen for nothing",
]


def test_nearly_the_same_text_by_enough_authors_is_found_and_texts_on_the_same_thing_are_not() -> None:
    by_all = [Post(text=text, author=f"a{number}") for number, text in enumerate([*NEAR, *OTHER])]
    assert found(posts(*by_all)) == [["told_to"]] * 3 + [[]] * 3
    by_two = [msgspec.structs.replace(post, author=f"a{number % 2}") for number, post in enumerate(by_all[:3])]
    assert found(posts(*by_two)) == [[]] * 3


def test_chinese_without_spaces_is_compared_by_pieces() -> None:
    text = "本周末我们在市中心广场举办免费的音乐会欢迎大家带朋友一起来参加活动现场有礼品赠送编号"
    other = "昨天下午我和同事去新开的面馆吃饭味道不错但是价格比以前贵了很多下次可能不会再去那里了"
    given = [Post(text=text + end, author=f"a{number}") for number, end in enumerate(("甲", "乙", "丙"))]
    assert found(posts(*given, Post(text=other, author="d"))) == [["told_to"]] * 3 + [[]]


def test_a_batchs_signals_count_in_the_decision_and_the_verdict_stays_the_same_verdict() -> None:
    alone = rows_of(posts(Post(text="free money for everybody")))
    velocity = rows_of(posts(*(Post(text="free money for everybody") for _ in range(4))))
    first, again = alone.verdicts[0], velocity.verdicts[0]
    assert (first.action, first.labels) == ("review", ("spam",))
    assert (again.action, again.labels, again.top_label) == ("review", ("spam", "flood"), "spam")
    assert [(signal.detector, signal.rule) for signal in again.signals] == [
        ("terms", "phrases"),
        ("flood", "fast"),
        ("repeats", "same"),
    ]
    same = ("verdict_id", "fingerprint", "text_fingerprint", "policy_version", "excerpt", "flags")
    assert [getattr(first, name) for name in same] == [getattr(again, name) for name in same]


def test_who_is_flagged_for_a_flood_alone_is_made_known_in_the_order_of_the_batch() -> None:
    given = posts(Post(author="bob"), *(Post() for _ in range(4)), Post(text="free money", author="eve"))
    rows = rows_of(given)
    assert [row.action for row in rows.verdicts] == ["allow", "flag", "flag", "flag", "flag", "review"]
    assert [(one.record.position, one.row.action) for one in rows.to_notify] == [
        (1, "flag"),
        (2, "flag"),
        (3, "flag"),
        (4, "flag"),
        (5, "review"),
    ]
    assert all(one.event.event_id == one.row.event_id for one in rows.to_notify)
    assert [one.row.event_id for one in rows.to_notify] == [row.event_id for row in rows.verdicts[1:]]


def test_a_policy_without_such_rules_looks_at_no_batch() -> None:
    policy = msgspec.structs.replace(Policy.load(POLICY), floods=(), repeats=())
    moderator = Moderator(policy)
    assert moderator.velocity is None
    assert found(posts(*(Post(text="Buy my new record today") for _ in range(9))), moderator) == [[]] * 9


def test_the_default_policy_marks_what_several_say_at_length_and_takes_nothing_down_for_it() -> None:
    moderator = Moderator(Policy.load(read_policy("default")))
    told = posts(*(Post(text=NEAR[n % 3], author=f"a{n % 3}", at=n) for n in range(5)))
    assert found(told, moderator) == [["flood_same_text"]] * 5
    assert {row.action for row in rows_of(told, moderator).verdicts} == {"flag"}
    alone = posts(*(Post(text=NEAR[0], at=n) for n in range(20)))
    assert found(alone, moderator) == [[]] * 20
    short = posts(*(Post(text="happy birthday to you, dear anna, from all of us", author=f"a{n}") for n in range(9)))
    assert found(short, moderator) == [[]] * 9


def test_the_flood_rule_that_the_default_policy_has_ready_can_be_switched_on() -> None:
    text = read_policy("default")
    begin = text.index("# [[floods]]")
    ready = text[begin : text.index("[[repeats]]")]
    moderator = Moderator(Policy.load(text[:begin] + ready.replace("# ", "") + text[begin + len(ready) :]))
    fast = posts(*(Post(text=f"see line {number} of the page", at=number) for number in range(10)))
    assert found(fast, moderator) == [["flood_author"]] * 10
    assert {row.action for row in rows_of(fast, moderator).verdicts} == {"flag"}


class Broken:
    """A detector of batches that fails."""

    def detect(self, rows: Sequence[VerdictRow], normals: Sequence[bytes]) -> dict[int, tuple[Signal, ...]]:
        raise RuntimeError("broken")


def test_a_detector_of_batches_that_fails_leaves_the_verdicts_on_each_event_and_says_so() -> None:
    moderator = Moderator(Policy.load(POLICY))
    moderator.velocity = Broken()  # type: ignore[assignment]
    rows = rows_of(posts(Post(text="free money"), Post(text="hello")), moderator)
    assert [row.action for row in rows.verdicts] == ["review", "allow"]
    assert all("degraded" in row.flags for row in rows.verdicts)
    assert [one.row.action for one in rows.to_notify] == ["review"]
    # It is counted, so that the alarm about degraded verdicts goes off.
    assert rows.asked == Tally(degraded=2)
    assert rows_of(posts(Post(text="hello"))).asked is None


def test_an_expired_rule_no_longer_counts() -> None:
    policy = Policy.load(POLICY.replace("seconds = 10", "seconds = 10\nexpires = 2026-11-21"))
    before = Moderator(policy.in_force(NOW.timestamp()))
    after = Moderator(policy.in_force((NOW + timedelta(days=1)).timestamp()))
    flood = posts(*(Post() for _ in range(4)))
    assert (found(flood, before), found(flood, after)) == ([["fast"]] * 4, [[]] * 4)
    assert before.policy_version != after.policy_version


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("authors = 3", "authors = 4", "line 31, column 11: repeats[1].authors: received 4, with events 3; allowed: "),
        ("events = 4", "events = 1.5", "line 17, column 10: floods[0].events: received 1.5; allowed: a whole number"),
        (
            "events = 4",
            "events = 1",
            "line 17, column 10: floods[0].events: received 1; allowed: a whole number from 2",
        ),
        ("events = 4", "events = true", "floods[0].events: received true; allowed: a whole number from 2 to 10000"),
        ("seconds = 10", "seconds = 0", "floods[0].seconds: received 0; allowed: a number of seconds above 0, up to"),
        (
            "seconds = 10",
            "second = 10",
            "floods[0].second: unknown key; allowed: events, expires, label, owner, reason",
        ),
        ("near = true", 'near = "yes"', "repeats[1].near: received 'yes'; allowed: true or false"),
        (
            'label = "flood"',
            'label = "floods"',
            "floods[0].label: received 'floods'; allowed: flood, spam; did you mean",
        ),
        ('rule = "told_to"', 'rule = "fast"', "repeats[1].rule: received 'fast' again (also in floods[0]); allowed: "),
    ],
)
def test_what_is_wrong_with_a_rule_is_said_with_its_place(old: str, new: str, message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        Policy.load(POLICY.replace(old, new, 1))
    assert message in str(refused.value)


def test_a_rule_can_have_a_severity() -> None:
    policy = Policy.load(POLICY.replace("score = 0.5\nevents", 'severity = "high"\nevents'))
    assert policy.floods[0].score == 0.8


# ----------------------------------------------------------------------------------------------------------- properties

BATCHES = st.lists(
    st.builds(
        Post,
        text=st.sampled_from([*NEAR, *OTHER, "Buy my new record today", "short", " "]),
        at=st.integers(0, 80).map(float),
        author=st.sampled_from(["ann", "bob", "eve", "mia"]),
        event=st.integers(1, 12),
        content=st.sampled_from(["", "", "one"]),
    ),
    max_size=24,
)


def by_event(given: Sequence[Post]) -> dict[tuple[object, ...], list[str]]:
    return dict(zip(map(msgspec.structs.astuple, given), found(given), strict=True))


@given(BATCHES, st.randoms(use_true_random=False))
def test_the_order_within_a_batch_does_not_matter(given: list[Post], chance: random.Random) -> None:
    shuffled = chance.sample(given, len(given))
    assert by_event(given) == by_event(shuffled)


@given(BATCHES, BATCHES)
def test_more_events_never_take_a_flood_or_the_same_text_back(some: list[Post], more: list[Post]) -> None:
    # Other events, not earlier copies of the same. Of near texts this is not promised: what stands for them may change.
    others = [msgspec.structs.replace(post, event=post.event + 100, content="") for post in more]
    fewer, all_of_them = found(some), found([*some, *others])
    for before, after in zip(fewer, all_of_them, strict=False):
        assert set(before) - {"told_to"} <= set(after)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9), st.sampled_from("ab")), max_size=14))
def test_a_flood_is_what_its_definition_says(given: list[tuple[int, int, str]]) -> None:
    # One author for each event id: copies of an event are copies.
    sent = [Post(at=float(at), event=number, author="ab"[number % 2], text=f"t{number}") for at, number, _ in given]
    earliest: dict[int, float] = {}
    for post in sent:
        earliest[post.event] = min(post.at, earliest.get(post.event, post.at))
    flooded = set()
    for author in "ab":
        mine = {event: at for event, at in earliest.items() if "ab"[event % 2] == author}
        for start in mine.values():
            inside = {event for event, at in mine.items() if start <= at <= start + 10}
            if len(inside) >= 4:
                flooded |= inside
    assert [("fast" in rules) for rules in found(sent)] == [post.event in flooded for post in sent]


WORDS = [f"word{letter}{other}" for letter in "abcdefghij" for other in "klmnopqrst"]


@given(
    st.lists(st.sampled_from(WORDS), min_size=8, max_size=12, unique=True),
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["changed", "a", "unbelievably", ""])), max_size=3),
)
def test_texts_with_one_word_changed_or_left_out_are_always_found(
    words: list[str], changes: list[tuple[int, str]]
) -> None:
    texts = []
    for place, word in changes:
        texts.append(" ".join([*words[:place], word, *words[place + 1 :]]).encode())
    # Against the text itself; two changed ones may differ by two words from each other.
    whole = " ".join(words).encode()
    for text in texts:
        assert alike([whole, text], 2, 10) == [[0, 1]] or sorted(alike([whole, text], 2, 10)[0]) == [0, 1]


def test_unlike_texts_with_common_long_words_do_not_make_it_slow_or_alike() -> None:
    chance = random.Random(5)
    texts = [
        f"unfortunately international {' '.join(chance.choices(WORDS, k=12))} {number}".encode()
        for number in range(300)
    ]
    assert alike(texts, 5, 20) == []


def steps_for(size: int) -> int:
    """CPU for a batch in which everything is a candidate for everything."""
    chance = random.Random(size)
    detector = CrowdDetector(
        [FloodRule("f", "flood", 0.5, 10, 10)],
        [RepeatRule("r", "flood", 0.5, 5, 60, near=True), RepeatRule("s", "flood", 0.5, 5, 3600, 3)],
    )
    texts = [
        f"unfortunately international {' '.join(chance.choices(WORDS, k=10))}" if number % 2 else NEAR[number % 3]
        for number in range(size)
    ]
    given = [
        Post(text=text, event=number, author=f"a{number % 7}", at=number / 100) for number, text in enumerate(texts, 1)
    ]
    policy = msgspec.structs.replace(Policy.load(POLICY), floods=(), repeats=())
    rows = rows_of(given, Moderator(policy)).verdicts
    normals = [text.encode() for text in texts]
    assert detector.detect(rows, normals)
    return steps(lambda: detector.detect(rows, normals))


def test_the_work_for_the_worst_batch_grows_as_the_batch_does() -> None:
    # Four times the events; a square would be sixteen times the work.
    small, large = steps_for(250), steps_for(1000)
    assert large < 8 * small, (small, large)
