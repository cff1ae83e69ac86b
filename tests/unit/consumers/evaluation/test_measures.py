"""The figures of ``evaluate`` against their definitions, worked out the long way, and against known values."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.evaluation.intervals import Z, by_logit, f1, mcnemar, precision_at, wilson
from consumers.evaluation.measures import measure
from consumers.evaluation.ranking import auc, average_precision, compare, recall_at
from consumers.evaluation.reliability import reliability

SCORES = st.sampled_from([0.0, 0.05, 0.1, 0.3, 0.35, 0.5, 0.69, 0.7, 0.99, 1.0])
ANSWERS = st.lists(st.tuples(st.booleans(), SCORES), min_size=1, max_size=25)
BOTH_KINDS = ANSWERS.filter(lambda some: len({label for label, _ in some}) == 2)
two_scores = st.lists(st.tuples(st.booleans(), SCORES, SCORES), min_size=4, max_size=20).filter(
    lambda some: len({label for label, *_ in some}) == 2
)


def arrays(answers: list[tuple[bool, float]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([label for label, _ in answers]), np.array([score for _, score in answers])


def beats(one: float, other: float) -> float:
    return 1.0 if one > other else 0.5 if one == other else 0.0


def placements(labels: list[bool], scores: list[float]) -> tuple[list[float], list[float]]:
    """DeLong's components by their definition: each positive against every negative, and the other way round."""
    yes = [score for label, score in zip(labels, scores, strict=True) if label]
    no = [score for label, score in zip(labels, scores, strict=True) if not label]
    return (
        [sum(beats(one, other) for other in no) / len(no) for one in yes],
        [sum(beats(one, other) for one in yes) / len(yes) for other in no],
    )


def spread(values: list[float]) -> float:
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1) / len(values)


@given(BOTH_KINDS)
def test_auc_is_the_share_of_pairs_in_the_right_order(answers: list[tuple[bool, float]]) -> None:
    labels, scores = arrays(answers)
    area = auc(labels, scores)
    pairs = [beats(a, b) for la, a in answers if la for lb, b in answers if not lb]
    assert area is not None
    assert area.value == pytest.approx(sum(pairs) / len(pairs))
    assert 0 <= area.low <= area.value <= area.high <= 1


@given(two_scores)
def test_the_difference_of_two_areas_is_tested_by_delongs_components(some: list[tuple[bool, float, float]]) -> None:
    labels, first, second = (list(column) for column in zip(*some, strict=True))
    found = compare(np.array(labels), np.array(first), np.array(second))
    one, other = placements(labels, first), placements(labels, second)
    variance = sum(spread([a - b for a, b in zip(x, y, strict=True)]) for x, y in zip(one, other, strict=True))
    difference = sum(one[0]) / len(one[0]) - sum(other[0]) / len(other[0])
    assert found is not None
    assert found.first - found.second == pytest.approx(difference, abs=1e-12)
    if variance > 1e-12:
        assert found.p == pytest.approx(math.erfc(abs(difference) / math.sqrt(2 * variance)), abs=1e-6)


@given(BOTH_KINDS)
def test_average_precision_adds_up_precision_at_each_step_of_recall(answers: list[tuple[bool, float]]) -> None:
    total = sum(label for label, _ in answers)
    expected = before = 0.0
    for threshold in sorted({score for _, score in answers}, reverse=True):
        found = [label for label, score in answers if score >= threshold]
        recall = sum(found) / total
        expected += (recall - before) * sum(found) / len(found)
        before = recall
    value = average_precision(*arrays(answers))
    assert value is not None
    assert value.value == pytest.approx(expected)
    assert value.low <= value.value <= value.high


@given(BOTH_KINDS, st.sampled_from([0.0, 0.1, 0.5, 1.0]))
def test_recall_at_a_false_positive_rate_is_the_best_of_all_thresholds(
    answers: list[tuple[bool, float]], rate: float
) -> None:
    yes = [score for label, score in answers if label]
    no = [score for label, score in answers if not label]
    recalls = [
        sum(score >= threshold for score in yes) / len(yes)
        for threshold in {score for _, score in answers}
        if sum(score >= threshold for score in no) / len(no) <= rate
    ]
    found = recall_at(*arrays(answers), rate)
    assert (found[0] if found else 0.0) == pytest.approx(max(recalls, default=0.0))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_counts_and_shares_are_those_of_the_definition(answers: list[tuple[bool, bool]]) -> None:
    found = measure(np.array([label for label, _ in answers]), np.array([flag for _, flag in answers]))
    both = sum(label and flag for label, flag in answers)
    positive, flagged = sum(label for label, _ in answers), sum(flag for _, flag in answers)
    assert (found.true_positives, found.false_positives) == (both, flagged - both)
    assert found.true_positives + found.false_positives + found.false_negatives + found.true_negatives == len(answers)
    assert (found.recall is None) == (positive == 0)
    one_kind = positive in (0, len(answers))
    assert (found.precision is None) == (flagged == 0 or one_kind)
    if found.f1 and found.precision and found.recall and both:
        harmonic = 2 / (1 / found.precision.value + 1 / found.recall.value)
        assert found.f1.value == pytest.approx(harmonic)
        assert found.f1.low <= found.f1.value <= found.f1.high


@given(st.integers(1, 400).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of))))
def test_wilsons_ends_are_where_the_share_is_just_one_point_nine_six_errors_away(counts: tuple[int, int]) -> None:
    hits, of = counts
    found = wilson(hits, of)
    assert 0 <= found.low <= found.value <= found.high <= 1
    for end in (found.low, found.high):
        if 0 < end < 1:
            assert abs(hits / of - end) == pytest.approx(Z * math.sqrt(end * (1 - end) / of), rel=1e-6)


@pytest.mark.parametrize(("share", "of"), [(0.02, 60), (0.3, 40), (0.9, 100)])
def test_the_intervals_hold_the_true_value_in_about_95_of_100_samples(share: float, of: int) -> None:
    draws = np.random.default_rng(7).binomial(of, share, 3000)
    held = sum(wilson(int(hits), of).low <= share <= wilson(int(hits), of).high for hits in draws)
    assert 0.92 <= held / 3000 <= 0.99


def test_the_interval_of_the_area_holds_the_true_area_in_about_95_of_100_samples() -> None:
    chance = np.random.default_rng(7)
    true = 0.5 * math.erfc(-1 / 2)  # two normals one apart: Φ(1/√2)
    labels = np.arange(120) < 40
    held = 0
    for _ in range(600):
        area = auc(labels, chance.normal(labels * 1.0, 1.0))
        assert area is not None
        held += area.low <= true <= area.high
    assert 0.92 <= held / 600 <= 0.98


def test_the_interval_of_f1_holds_the_true_f1_in_about_95_of_100_samples() -> None:
    chance = np.random.default_rng(7)
    parts = [0.1, 0.05, 0.08, 0.77]  # found rightly, found wrongly, missed, left alone
    true = 2 * 0.1 / (2 * 0.1 + 0.05 + 0.08)
    held = 0
    for both, wrong, missed, _ in chance.multinomial(400, parts, 2000):
        found = f1(int(both), int(wrong), int(missed))
        assert found is not None
        held += found.low <= true <= found.high
    assert 0.93 <= held / 2000 <= 0.97


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemars_p_is_both_tails_of_a_fair_coin(one: int, other: int) -> None:
    tosses = one + other
    tail = sum(Fraction(math.comb(tosses, k), 2**tosses) for k in range(min(one, other) + 1))
    assert mcnemar(one, other).p == pytest.approx(float(min(Fraction(1), 2 * tail)))
    assert mcnemar(one, other).p == mcnemar(other, one).p


def test_mcnemar_on_many_pairs_goes_on_where_the_exact_way_ends() -> None:
    exact, near = mcnemar(960, 1040).p, mcnemar(961, 1041).p
    assert exact == pytest.approx(near, rel=0.02)


def test_precision_at_a_base_rate_is_that_of_a_population_with_so_many_positives() -> None:
    recall, rate = wilson(80, 100), wilson(5, 1000)
    at = precision_at(0.01, recall, rate)
    assert at is not None
    # Of 100,000 texts 1,000 are positive, 800 of them found, and 495 others.
    assert at.value == pytest.approx(800 / (800 + 495))
    assert at.low < at.value < at.high
    assert precision_at(0.01, wilson(0, 10), wilson(0, 10)) is None


@given(BOTH_KINDS, st.sampled_from([None, 0.01, 0.5]))
def test_calibration_weighs_texts_as_if_the_base_rate_held(
    answers: list[tuple[bool, float]], base_rate: float | None
) -> None:
    positives = sum(label for label, _ in answers)
    rate = positives / len(answers) if base_rate is None else base_rate
    weights = [rate / positives if label else (1 - rate) / (len(answers) - positives) for label, _ in answers]
    found = reliability(*arrays(answers), base_rate=base_rate)
    assert found is not None
    assert sum(weights) == pytest.approx(1)
    assert found.brier == pytest.approx(
        sum(weight * (score - label) ** 2 for weight, (label, score) in zip(weights, answers, strict=True))
    )
    error = 0.0
    for place in range(10):
        inside = [
            (weight, *answer)
            for weight, answer in zip(weights, answers, strict=True)
            if min(int(answer[1] * 10), 9) == place
        ]
        if inside:
            error += abs(sum(weight * (score - label) for weight, label, score in inside))
    assert found.error == pytest.approx(error, abs=1e-9)
    assert sum(one.texts for one in found.bins) == len(answers)
    assert all(one.positive.low <= one.positive.value <= one.positive.high for one in found.bins)


def test_a_perfect_order_of_few_texts_is_not_taken_for_certain() -> None:
    area = auc(np.array([True, True, False, False]), np.array([0.9, 0.8, 0.2, 0.1]))
    assert area is not None
    assert area.value == area.high == 1
    assert area.low < 0.5
    assert by_logit(0.0, 0.0, fallback=10).high == wilson(0, 10).high


@pytest.mark.parametrize("labels", [[True, True], [False, False]])
def test_one_kind_alone_has_no_area_and_no_calibration(labels: list[bool]) -> None:
    scores = np.array([0.1, 0.9])
    assert auc(np.array(labels), scores) is None
    assert compare(np.array(labels), scores, scores) is None
    assert reliability(np.array(labels), scores) is None
    assert recall_at(np.array(labels), scores, 0.5) is None


def test_nothing_positive_and_nothing_found_has_no_figures_and_no_errors() -> None:
    found = measure(np.array([False]), np.array([False]), np.array([0.0]))
    assert (found.precision, found.recall, found.f1, found.auc, found.average_precision) == (None,) * 5
    assert found.precision_at == {}
    assert found.false_positive_rate is not None
