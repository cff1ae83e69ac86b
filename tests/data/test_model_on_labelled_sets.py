"""The shipped weights on the test splits: what they must reach, and that the recipe makes just these bytes."""

import gzip
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from consumers.models import read_weights
from consumers.moderation.moderator import Moderator
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy
from consumers.moderation.scorer import Scorer
from consumers.moderation.weights import Weights
from consumers.policies import read_policy
from consumers.training.measures import auc, f1
from infra.cli import streamkeeper

FOLDER = Path(os.environ["STREAMKEEPER_DATA"])
ROOT = Path(__file__).parents[2]
SHIPPED = Weights.read(read_weights("default"))


def rows(path: str) -> Iterator[dict[str, Any]]:
    with gzip.open(FOLDER / path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def held_out(name: str) -> list[dict[str, Any]]:
    every = rows(f"labelled/{name}/data.jsonl.gz")
    return [row for row in every if row["split"] == "test" and row["label"] is not None]


@cache
def scorer() -> Scorer:
    return Scorer(SHIPPED)


@cache
def moderator() -> Moderator:
    return Moderator(Policy.load(read_policy("default")))


@pytest.mark.parametrize(
    ("name", "head", "at_least"),
    [
        ("edos", "hate", 0.65),
        ("davidson", "profanity", 0.94),
        ("germeval2018", "insult", 0.74),
        ("cold", "hate", 0.76),
        ("vihos_vi", "insult", 0.85),
        ("hatescore_ko", "insult", 0.88),
        ("ro_fb_offense", "insult", 0.85),
        ("sms_spam", "spam", 0.95),
        ("thai_sms", "spam", 0.9),
    ],
)
def test_positives_score_above_negatives(name: str, head: str, at_least: float) -> None:
    texts = held_out(name)
    scores = np.array([scorer().scores(normalise(row["text"]).plain)[head] for row in texts])
    area = auc(np.array([row["label"] == 1 for row in texts]), scores)
    assert area is not None
    assert area >= at_least


def test_spam_is_found_under_the_default_policy() -> None:
    texts = held_out("sms_spam")
    found = [
        "spam" in moderator().judge(row["text"], surface="direct_message", language="en").decision.labels
        for row in texts
    ]
    reached = f1(np.array([row["label"] == 1 for row in texts]), np.array(found))
    assert reached is not None
    # Links and numbers no longer count by themselves, so that less is found here, and less is flagged elsewhere.
    assert reached >= 0.72


def test_ordinary_chat_is_hardly_ever_flagged_by_the_model() -> None:
    texts = [row["text"] for row in rows("streams/ubuntu_irc_chat/events.jsonl.gz")]
    flagged = by_model = 0
    for text in texts:
        finding = moderator().judge(text, surface="chat")
        if finding.decision.action != "allow":
            flagged += 1
            by_model += any(signal.detector == "model" for signal in finding.signals)
    assert len(texts) == 27_500
    # Wanted is half a per cent; half of what is flagged is swearing.
    assert flagged / len(texts) <= 0.006
    assert by_model / len(texts) <= 0.004


def test_the_recipe_makes_just_these_bytes() -> None:
    models = ROOT / "consumers" / "models"
    given = ["--recipe", str(models / "default.toml"), "--folder", str(FOLDER), "--out", str(models / "default.bin")]
    answer = CliRunner().invoke(streamkeeper, ["train", *given, "--check"])
    assert answer.exit_code == 0, answer.output
    assert SHIPPED.name in answer.stdout


def test_only_sets_that_may_be_shipped_went_in_and_none_of_their_test_rows() -> None:
    sets = {one["name"]: one for one in SHIPPED.header.training["sets"]}
    assert not {"told_br", "korean_hate", "rtp_prompts", "pejorativity_it"} & sets.keys()
    for name, one in sets.items():
        readme = FOLDER / "labelled" / name / "README.md"
        if one["positive"] and readme.is_file():
            text = readme.read_text("utf-8")
            assert one["licence"].split(";")[-1].split("(")[0].strip() in text
            assert "-sa" not in one["licence"].lower()
            assert "not for weights" not in text.lower()
