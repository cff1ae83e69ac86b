"""Every case in the YAML files beside this one: a text, and what the policy says to it."""

from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from consumers.moderation.kinds import FAMILIES, PERSONAL_DATA_KINDS
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.policy_tools.cases import Case, run

FILES = {
    path.stem: yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    for path in sorted(Path(__file__).parent.glob("*.yaml"))
}


@cache
def moderator(name: str) -> Moderator:
    """One for each file, since what repeats counts."""
    return Moderator(Policy.load(read_policy(FILES[name]["policy"])))


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}-{number}")
        for name, file in FILES.items()
        for number, case in enumerate(file["cases"])
    ],
)
def test_the_policy_says_what_the_case_says(name: str, case: dict[str, Any]) -> None:
    if "times" in case:
        [outcome] = run(moderator(name), [made(case)])
        assert outcome.differs == {}
        return
    finding = moderator(name).judge(case["text"], surface=case.get("surface", "comment"), language=case.get("language"))
    decision = finding.decision
    assert {
        "action": decision.action,
        "labels": list(decision.labels),
        "rules": sorted({signal.rule for signal in finding.signals}),
        "excerpt": finding.excerpt,
    } == {
        "action": case["action"],
        "labels": case.get("labels", []),
        "rules": case.get("rules", []),
        "excerpt": case.get("excerpt", case["text"]),
    }


@pytest.mark.parametrize("name", FILES)
def test_texts_that_are_judged_together_get_what_each_gets_alone(name: str) -> None:
    contents = [
        Said(case["text"], case.get("surface", "comment"), case.get("language"))
        for case in FILES[name]["cases"]
        if "times" not in case
    ]
    alone = [moderator(name).judge(one.text, surface=one.surface, language=one.language) for one in contents]
    assert moderator(name).judge_all(contents) == alone


class Said(NamedTuple):
    """A case's text, as it is judged."""

    text: str
    surface: str
    language: str | None
    author_id: str | None = None


def made(case: dict[str, Any]) -> Case:
    """A case of a batch: what is not said of it is expected to be empty."""
    return Case(
        place="batches",
        text=case["text"],
        action=case["action"],
        labels=tuple(case.get("labels", ())),
        rules=tuple(case.get("rules", ())),
        times=case["times"],
        authors=case.get("authors", 1),
        every=case.get("every", 0.0),
    )


def covered(policy: str) -> set[str]:
    """The rules that some case of a policy, in whatever file, expects to find something."""
    files = [file for file in FILES.values() if file["policy"] == policy]
    return {rule for file in files for case in file["cases"] for rule in case.get("rules", [])}


def test_every_rule_of_every_policy_has_a_case() -> None:
    for name, file in FILES.items():
        policy = moderator(name).policy
        kinds = (
            *(policy.terms, policy.patterns, policy.links, policy.floods, policy.repeats),
            *(policy.relations, policy.solicitations),
        )
        rules = {rule.rule for kind in kinds for rule in kind}
        heads = {f"model_{head}" for head in policy.model.heads} if policy.model else set()
        assert (rules | heads) - covered(file["policy"]) == set()


def test_every_kind_of_personal_data_but_tokens_has_a_case() -> None:
    # Texts with tokens in them stand in the unit tests.
    tokens = {kind for kind, family in FAMILIES.items() if family == "secret"}
    assert set(PERSONAL_DATA_KINDS) - tokens - covered("default") == set()
    assert {"private_key", "aws_key", "password"} <= covered("default")


def test_no_text_is_two_cases() -> None:
    asked = [
        (file["policy"], case["text"], case.get("surface"), case.get("language"))
        for file in FILES.values()
        for case in file["cases"]
    ]
    assert [one for one, count in Counter(asked).items() if count > 1] == []
