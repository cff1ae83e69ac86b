"""What the demo shows: the default policy finds harm in every language that synthetic content is written in."""

import pytest

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from producers.synthetic.harms import HARM

MODERATOR = Moderator(Policy.load(read_policy("default")))


@pytest.mark.parametrize("language", HARM)
def test_half_of_a_languages_harm_is_found(language: str) -> None:
    filled = {"token": "ab12", "email": "jane.roe@example.com", "phone": "+44 7700 900123"}
    filled |= {"card": "4111 1111 1111 1111", "iban": "DE89 3704 0044 0532 0130 00"}
    texts = [text.format_map(filled) for kind in HARM[language] for text in kind]
    found = [MODERATOR.judge(text, surface="comment", language=language).decision.action != "allow" for text in texts]
    assert sum(found) >= len(texts) / 2
