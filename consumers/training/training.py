"""Weights out of sets of texts: learned, calibrated, cut to one byte each, measured as the detector will use them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import Struct

from consumers.moderation.ngrams import FEATURES
from consumers.moderation.scorer import Scorer
from consumers.moderation.weights import Head, Header, Weights, encode
from consumers.training.calibration import calibrate
from consumers.training.examples import FEWEST, Example, Examples, Part
from consumers.training.fitting import Task, fit
from consumers.training.matrix import Flags, Floats, Grams, Matrix, Vocabulary, Whole
from consumers.training.measures import auc, f1
from consumers.training.recipe import HeadRecipe, Recipe, TrainingError
from consumers.training.teaching import Scores, read_scores, taught

POINTS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Scores at which held-out texts are counted."""

_FEWEST_NATURAL = 200

Progress = Callable[[str], None]
Rows = Iterable[Mapping[str, Any]]


class Trained(Struct, frozen=True):
    """What came out.

    Args:
        data: the weights file.
        weights: the same, read.
        summary: sets, heads and measures; what the file's header holds, and more.
    """

    data: bytes
    weights: Weights
    summary: dict[str, Any]


class _Pool(Struct, frozen=True):
    """All texts that are learned from, and their words.

    Args:
        examples: the texts.
        sets: the position of the set that each is of.
        vocabulary: all their words.
        matrix: their words.
        grams: the words' n-grams.
        known: which words get a weight of their own.
        published: by word, the weight that somebody else gave it.
        said: what the teachers say of each text.
    """

    examples: list[Example]
    sets: Whole
    vocabulary: Vocabulary
    matrix: Matrix
    grams: Grams
    known: Flags
    published: Floats
    scores: Scores
    said: Floats


class _Cut(Struct, frozen=True):
    """One head's weights, cut to bytes."""

    words: bytes
    grams: bytes
    of_words: float
    of_grams: float
    note: dict[str, Any]


def train(
    recipe: Recipe,
    sets: Sequence[Examples],
    *,
    teachers: Rows = (),
    published: Rows = (),
    progress: Progress = lambda _: None,
) -> Trained:
    """The weights that a recipe makes of its sets; the same of the same.

    Args:
        recipe: what to make.
        sets: what was read for the recipe's sets, in its order.
        teachers: rows of the file of the recipe's teachers.
        published: rows of the file of published word weights.
        progress: gets lines on how far it is.

    Raises:
        TrainingError: a head has too few texts of a kind.
    """
    for head in recipe.heads:
        _require(head, sets)
    progress("the words of all texts")
    pool = _pool(recipe, sets, teachers, published)
    progress(f"{len(pool.examples):,} texts, {len(pool.vocabulary):,} words, {int(pool.known.sum()):,} of them known")
    places = _places(pool)
    cuts = [_head(recipe, head, sets, pool, places, progress) for head in recipe.heads]
    keys = pool.vocabulary.keys()[places].astype("<u4").tobytes()
    header = Header(
        recipe.name,
        FEATURES,
        tuple(
            Head(head.name, cut.of_words, cut.of_grams, 1.0, 0.0) for head, cut in zip(recipe.heads, cuts, strict=True)
        ),
        len(places),
        recipe.bits,
        recipe.unknown,
        recipe.steady,
        "",
    )
    tables = [(cut.words, cut.grams) for cut in cuts]
    progress("texts that were set aside, scored as the detector scores them")
    heads, on = _calibrated(recipe, Weights.read(encode(header, keys, tables)), sets)
    described = {
        "base_rate": recipe.base_rate,
        "heads": [{**cut.note, "calibrated_on": one} for cut, one in zip(cuts, on, strict=True)],
        "seed": recipe.seed,
        "sets": [_described(one) for one in sets],
    }
    data = encode(
        Header(recipe.name, FEATURES, heads, len(places), recipe.bits, recipe.unknown, recipe.steady, "", described),
        keys,
        tables,
    )
    weights = Weights.read(data)
    progress("held-out texts")
    summary = {"weights": weights.name, "bytes": len(data), **described, "held_out": list(measured(weights, sets))}
    return Trained(data, weights, summary)


def measured(weights: Weights, sets: Sequence[Examples], *, part: Part = "held_out") -> Iterator[dict[str, Any]]:
    """What each head says of each set's held-out texts, by the weights as they ship."""
    scorer = Scorer(weights)
    for one in sets:
        texts = [example for example in one.examples if example.part == part and example.labels]
        scores = [scorer.scores(example.plain) for example in texts]
        for head in weights.header.heads:
            those = [place for place, example in enumerate(texts) if head.name in example.labels]
            if not those:
                continue
            of_head = np.array([scores[place][head.name] for place in those])
            labels = np.array([texts[place].labels[head.name] for place in those])
            area, at_half = auc(labels, of_head), f1(labels, of_head >= 0.5)
            yield {
                "head": head.name,
                "set": one.of.name,
                "texts": len(those),
                "positive": int(labels.sum()),
                "auc": None if area is None else round(area, 4),
                "f1_at_half": None if area is None or at_half is None else round(at_half, 4),
                "found_of_positive": _reached(of_head[labels]),
                "found_of_negative": _reached(of_head[~labels]),
            }


def _pool(recipe: Recipe, sets: Sequence[Examples], teachers: Rows, published: Rows) -> _Pool:
    wanted = [name for head in recipe.heads for name in head.teacher]
    scores = Scores() if recipe.teachers is None else read_scores(recipe.teachers, teachers, wanted)
    examples: list[Example] = []
    of_sets: list[int] = []
    for place, one in enumerate(sets):
        usable = [
            example
            for example in one.examples
            if example.part == "learn" and (example.labels or example.key in scores.by_key)
        ]
        examples += usable
        of_sets += [place] * len(usable)
    vocabulary = Vocabulary(recipe.bits)
    weights = _read_published(recipe, published, vocabulary)
    matrix = Matrix.of((example.plain for example in examples), vocabulary, steady=recipe.steady)
    of_words = np.zeros(len(vocabulary))
    of_words[list(weights)] = list(weights.values())
    texts = np.bincount(matrix.words, minlength=len(vocabulary))
    seen = np.where(vocabulary.unspaced(), 0, texts)
    allowed = np.zeros(len(vocabulary), bool)
    # The most frequent ones; of those that are as frequent, those that came first.
    allowed[np.argsort(-seen, kind="stable")[: recipe.most]] = True
    known = ((seen >= recipe.least) & allowed) | (of_words != 0)
    said = scores.of((example.key, example.language) for example in examples)
    return _Pool(
        examples, np.array(of_sets, np.int64), vocabulary, matrix, vocabulary.grams(), known, of_words, scores, said
    )


def _read_published(recipe: Recipe, rows: Rows, vocabulary: Vocabulary) -> dict[int, float]:
    if recipe.published is None:
        return {}
    found: dict[int, float] = {}
    for number, cells in enumerate(rows, start=1):
        try:
            word, weight = str(cells[recipe.published.word]), float(cells[recipe.published.weight])
        except (KeyError, TypeError, ValueError) as error:
            raise TrainingError(f"{recipe.published.file}: row {number:,}: {error!r}") from None
        numbers = list(vocabulary.token(word)) if word and not word.isspace() else []
        if len(numbers) == 1:
            # Several may be read as the same word: as the one that is spelled so, or else as the first.
            found[numbers[0]] = weight if vocabulary.is_word(numbers[0], word) else found.get(numbers[0], weight)
    return found


def _head(
    recipe: Recipe, head: HeadRecipe, sets: Sequence[Examples], pool: _Pool, places: Whole, progress: Progress
) -> _Cut:
    said = np.array([float(one.labels.get(head.name, np.nan)) for one in pool.examples])
    chances = taught(head, pool.scores, pool.said, said) if head.teacher else np.full(len(said), np.nan)
    labelled, is_taught = ~np.isnan(said), ~np.isnan(chances)
    half = head.half if head.half is not None else recipe.teachers.half if recipe.teachers is not None else 0.0
    target = np.where(labelled, np.where(is_taught, (1 - half) * said + half * chances, said), chances)
    which = np.flatnonzero(labelled | is_taught).astype(np.int64)
    weights = np.array([one.of.weight for one in sets])[pool.sets] * np.where(said == 1, head.yes, 1.0)
    own = np.array([0 if one.of.natural else place + 1 for place, one in enumerate(sets)])[pool.sets]
    matrix = pool.matrix.some(which)
    task = Task(
        matrix,
        pool.grams,
        pool.known,
        target[which],
        weights[which],
        np.where(labelled, own, 0)[which],
        head.published * matrix.sums(pool.published),
    )
    fitted = fit(task, ridge=head.ridge, passes=head.passes, progress=lambda line: progress(f"{head.name}: {line}"))
    words = (fitted.words + pool.grams.sums(fitted.grams) + head.published * pool.published)[places]
    of_word, of_gram = _step(words), _step(fitted.grams)
    note = {
        "head": head.name,
        "labelled": int(labelled.sum()),
        "positive": int((said == 1).sum()),
        "taught": int(is_taught.sum()),
    }
    return _Cut(_cut(words, of_word), _cut(fitted.grams, of_gram), of_word, of_gram, note)


def _places(pool: _Pool) -> Whole:
    """The known words' numbers, by what a weights file calls them; of two with one name, the first."""
    numbers = np.flatnonzero(pool.known)
    _, first = np.unique(pool.vocabulary.keys()[numbers], return_index=True)
    result: Whole = numbers[first].astype(np.int64)
    return result


def _calibrated(
    recipe: Recipe, weights: Weights, sets: Sequence[Examples]
) -> tuple[tuple[Head, ...], list[dict[str, Any]]]:
    scorer = Scorer(weights)
    aside = [
        (one.of.natural, example, scorer.strongest(example.plain))
        for one in sets
        for example in one.examples
        if example.part == "calibrate" and example.labels
    ]
    heads, notes = [], []
    for place, head in enumerate(weights.header.heads):
        of_head = [
            (natural, one.labels[head.name], raw[place]) for natural, one, raw in aside if head.name in one.labels
        ]
        finite = [(natural, label, raw) for natural, label, raw in of_head if raw > -np.inf]
        yes = np.array([raw for _, label, raw in finite if label])
        natural = np.array([raw for is_natural, label, raw in finite if is_natural and not label])
        on_natural = len(natural) >= _FEWEST_NATURAL
        no = natural if on_natural else np.array([raw for _, label, raw in finite if not label])
        scale, bias = calibrate(yes, no, base_rate=recipe.base_rate)
        if scale <= 0:
            raise TrainingError(
                f"head {head.name!r}: texts with the label score no higher than those without: nothing to learn here"
            )
        heads.append(Head(head.name, head.words, head.grams, float(f"{scale:.6g}"), float(f"{bias:.6g}")))
        notes.append({"positive": len(yes), "negative": len(no), "natural": on_natural})
    return tuple(heads), notes


def _require(head: HeadRecipe, sets: Sequence[Examples]) -> None:
    wording: dict[Part, str] = {"learn": "to learn from", "calibrate": "to calibrate on"}
    for part, word in wording.items():
        for label, kind in ((True, "with the label"), (False, "without it")):
            count = sum(one.count(part, head=head.name, label=label) for one in sets)
            if count < FEWEST:
                raise TrainingError(
                    f"head {head.name!r}: {count:,} texts {kind} {word}; needed: {FEWEST} and more. "
                    "Give more texts, or say which labels mean yes (--positive, or yes in the recipe)"
                )


def _described(one: Examples) -> dict[str, Any]:
    return {
        "name": one.of.name,
        "licence": one.of.licence,
        "learn": one.count("learn"),
        "calibrate": one.count("calibrate"),
        "held_out": one.count("held_out"),
        "positive": {
            head: one.count("learn", head=head, label=True) + one.count("calibrate", head=head, label=True)
            for head in one.of.labels
        },
        "passed_over": one.passed_over + one.empty,
    }


def _step(weights: Floats) -> float:
    # By the largest weight: cutting off the largest ones costs more than the coarser steps of the others.
    return float(f"{float(np.abs(weights).max(initial=0.0)) / 127 or 1.0:.6g}")


def _cut(weights: Floats, step: float) -> bytes:
    return np.clip(np.rint(weights / step), -127, 127).astype(np.int8).tobytes()


def _reached(scores: Floats) -> dict[str, float]:
    return {str(point): round(float((scores >= point).mean()), 4) for point in POINTS} if len(scores) else {}
