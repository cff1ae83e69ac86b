"""Light tools that people install instead, on the same texts: samples of English test splits, and ordinary chat."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from benchmarks.quality.rows import json_lines
from consumers.evaluation.intervals import Estimate, f1, wilson
from consumers.evaluation.ranking import auc
from consumers.moderation.moderator import Moderator

PEERS = ("better-profanity", "alt-profanity-check")
OURS = "this policy"
MOST = 400
"""Texts of a set: the slower tool reads some 40 a second."""

_ENGLISH = ("davidson", "civil_toxic_spans", "hatexplain", "gab_hate_corpus", "misogyny_reddit", "convabuse", "edos")
_SCRIPT = Path(__file__).with_name("ask_peer.py")


class Beside(Struct, frozen=True):
    """One tool on one sample.

    Args:
        tool, data: which.
        texts, positive: how many.
        auc: None: it gives no more than yes and no, or no text is positive.
        f1, false_positive_rate: from a score of 0.5 on; of the policy, of what leads to an action.
    """

    tool: str
    data: str
    texts: int
    positive: int
    auc: Estimate | None
    f1: Estimate | None
    false_positive_rate: Estimate


def measure(moderator: Moderator, folder: Path, python: Path) -> list[Beside]:
    """Each tool on each sample.

    Args:
        python: the Python that has the tools.
    """
    samples = [_sample(folder, name) for name in _ENGLISH]
    chat = [(row["text"], False) for row in json_lines(folder / "streams/ubuntu_irc_chat/events.jsonl.gz")]
    samples.append(("ubuntu_irc_chat", _some(chat)))
    texts = [text for _, rows in samples for text, _ in rows]
    answers = {OURS: [_ours(moderator, text) for text in texts]}
    for tool in PEERS:
        print(f"  asking {tool} about {len(texts):,} texts", file=sys.stderr, flush=True)
        answers[tool] = [(score >= 0.5, score) for score in _ask(python, tool, texts)]
    found, start = [], 0
    for name, rows in samples:
        for tool, all_answers in answers.items():
            found.append(_beside(tool, name, rows, all_answers[start : start + len(rows)]))
        start += len(rows)
    return found


def _sample(folder: Path, name: str) -> tuple[str, list[tuple[str, bool]]]:
    rows = json_lines(folder / "labelled" / name / "data.jsonl.gz")
    return name, _some(
        [(row["text"], row["label"] == 1) for row in rows if row["split"] == "test" and row["label"] in (0, 1)]
    )


def _some(rows: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    return sorted(rows, key=lambda row: hashlib.sha256(row[0].encode()).digest())[:MOST]


def _ours(moderator: Moderator, text: str) -> tuple[bool, float]:
    finding = moderator.judge(text, surface="comment", language="en")
    scores = [*moderator.model_scores(text).values(), *(signal.score for signal in finding.signals)]
    return finding.decision.action != "allow", max(scores, default=0.0)


def _ask(python: Path, tool: str, texts: Sequence[str]) -> list[float]:
    answer = subprocess.run(
        [str(python), str(_SCRIPT), tool], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    scores: list[float] = json.loads(answer.stdout)
    return scores


def _beside(tool: str, data: str, rows: list[tuple[str, bool]], answers: list[tuple[bool, float]]) -> Beside:
    labels = np.array([label for _, label in rows], bool)
    found = np.array([yes for yes, _ in answers], bool)
    scores = np.array([score for _, score in answers])
    right, wrong, missed = ((labels & found).sum(), (~labels & found).sum(), (labels & ~found).sum())
    return Beside(
        tool,
        data,
        len(rows),
        int(labels.sum()),
        auc(labels, scores) if labels.any() else None,
        f1(int(right), int(wrong), int(missed)) if labels.any() else None,
        wilson(int(wrong), int((~labels).sum())),
    )
