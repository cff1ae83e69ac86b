"""What a server does once before it listens, so that no caller waits for it."""

import pytest

from consumers.lexicons import LANGUAGES
from consumers.moderation.expressions import ways
from consumers.moderation.literals import BEYOND_ASCII
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.scoring.service import Service
from consumers.scoring.warming import rarer
from tests.fakes.scoring import FakeKeys, FakeQuota, moderator

POLICY = 'id = "ours"\n[labels.spam]\nflag = 0.3\n[[terms]]\nrule = "r"\nlabel = "spam"\nscore = 0.5\nterms = ["the"]\n'


def has(text: str, clause: frozenset[str]) -> bool:
    return any(piece in text or (piece == BEYOND_ASCII and not text.isascii()) for piece in clause)


def test_each_expression_of_the_policy_meets_a_text_that_it_may_match() -> None:
    texts = [text for text, _ in rarer(moderator(), [])]
    needing = [found for found in map(ways, moderator().expressions) if found]
    assert len(needing) > 100
    for found in needing:
        assert any(
            all(has(text, clause) for clause in (*way.clauses, *way.also)) and sum(map(str.isdigit, text)) >= way.digits
            for way in found
            for text in texts
        ), found


@pytest.mark.parametrize("policy", [Moderator(Policy.load(POLICY)), moderator()], ids=["a small one", "the default"])
def test_texts_come_in_each_language_and_in_none(policy: Moderator) -> None:
    languages = {language for _, language in rarer(policy, ["en", "ko"])}
    assert languages == {None, "ko", *LANGUAGES}


def test_a_policy_without_lists_and_expressions_is_warmed_up_too() -> None:
    Service(Moderator(Policy.load(POLICY)), keys=FakeKeys(), quota=FakeQuota()).warm_up(wholly=True)
