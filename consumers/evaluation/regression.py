"""A plain model to compare with: a logistic regression on hashed character n-grams, learned from the user's own texts.

It says what anyone would get from these texts in a few lines of scikit-learn, at 270 MB of packages and without rules.
"""

import importlib.metadata
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from consumers.evaluation.evaluating import Sampled
from consumers.evaluation.judge import Question, is_positive
from consumers.evaluation.labelled import LabelError, Labelled

PACKAGE = "scikit-learn"
MOST = 50_000
"""Texts that it learns from; of more, as many are drawn."""

FEWEST = 20
"""Texts of each kind that it needs."""

_FROM = 0.5


def compare(
    learned_from: Iterable[Labelled], questions: Sequence[Question], places: Sequence[int], texts: Sequence[str]
) -> list[Sampled]:
    """What a regression says of some texts, for each question.

    Args:
        learned_from: labelled texts, none of them among those that are asked about.
        questions: what is asked; one regression for each.
        places, texts: which texts are asked about, and they themselves.

    Raises:
        LabelError: there are too few texts to learn from.
        ModuleNotFoundError: scikit-learn is not installed.
    """
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression

    rows = list(learned_from)
    if len(rows) > MOST:
        rows = random.Random(1).sample(rows, MOST)  # noqa: S311 - a choice of texts, no secret
    hashed: Any = HashingVectorizer(analyzer="char", ngram_range=(2, 5), n_features=2**18, alternate_sign=False)
    known, asked = hashed.transform(row.text for row in rows), hashed.transform(texts)
    name = f"logistic regression on {len(rows):,} texts ({PACKAGE} {importlib.metadata.version(PACKAGE)})"
    answers = []
    for question in questions:
        labels = np.array([is_positive(row, question) for row in rows])
        if min(labels.sum(), (~labels).sum()) < FEWEST:
            raise LabelError(
                f"--peers {PACKAGE}: {int(labels.sum()):,} of {len(rows):,} texts to learn from are {question.name}; "
                f"it needs {FEWEST} of each kind in the rows that --split leaves out"
            )
        model: Any = LogisticRegression(C=10.0, max_iter=300).fit(known, labels)
        scores = [float(score) for score in model.predict_proba(asked)[:, 1]]
        found = [score >= _FROM for score in scores]
        answers.append(Sampled(name, places, found, scores, frozenset({question.name})))
    return answers
