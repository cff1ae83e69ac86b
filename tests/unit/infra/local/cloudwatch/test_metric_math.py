"""Metric math: what each function gives, what is missing, and what is refused."""

import pytest

from infra.local.cloudwatch.metric_math import Expression, Grid, MathError, Series

GRID = Grid([0, 60, 120], 60)
GIVEN: dict[str, Series] = {"a": {0: 1.0, 60: 3.0}, "b": {60: 2.0, 120: 4.0}, "none": {}}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a + b", {60: 5.0}),
        ("a * 2 - 1", {0: 1.0, 60: 5.0}),
        ("-a ^ 2", {0: -1.0, 60: -9.0}),
        ("1 + 2 * 3 ^ 2", 19.0),
        ("a / 0", {}),
        ("FILL(b, 0)", {0: 0.0, 60: 2.0, 120: 4.0}),
        ("FILL(a, REPEAT)", {0: 1.0, 60: 3.0, 120: 3.0}),
        ("FILL(none, 7)", {0: 7.0, 60: 7.0, 120: 7.0}),
        ("IF(a > 1, a, 0)", {0: 0.0, 60: 3.0}),
        ("IF(FILL(a, 0) > 0 AND FILL(b, 0) == 0, 1, 0)", {0: 1.0, 60: 0.0, 120: 0.0}),
        ("a > 1 || b > 100", {60: 1.0}),
        ("IF(a, b)", {60: 2.0}),
        ("SUM([a, b])", {0: 1.0, 60: 5.0, 120: 4.0}),
        ("MAX([a, b])", {0: 1.0, 60: 3.0, 120: 4.0}),
        ("MIN([a, b])", {0: 1.0, 60: 2.0, 120: 4.0}),
        ("AVG([a, b])", {0: 1.0, 60: 2.5, 120: 4.0}),
        ("SUM(a)", 4.0),
        ("AVG(a)", 2.0),
        ("STDDEV(a)", 1.0),
        ("DATAPOINT_COUNT(a)", 2.0),
        ("ABS(0 - a)", {0: 1.0, 60: 3.0}),
        ("CEIL(a / 2)", {0: 1.0, 60: 2.0}),
        ("FLOOR(a / 2)", {0: 0.0, 60: 1.0}),
        ("DIFF(a)", {60: 2.0}),
        ("RATE(a)", {60: 2.0 / 60}),
        ("RUNNING_SUM(a)", {0: 1.0, 60: 4.0}),
        ("a / PERIOD(a)", {0: 1 / 60, 60: 0.05}),
        ("TIME_SERIES(3)", {0: 3.0, 60: 3.0, 120: 3.0}),
        ("FILL([a, b], 0)", [{0: 1.0, 60: 3.0, 120: 0.0}, {0: 0.0, 60: 2.0, 120: 4.0}]),
    ],
)
def test_an_expression_gives_what_cloudwatch_says_of_it(text: str, wanted: object) -> None:
    assert Expression(text).value(GIVEN, GRID) == wanted


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ANOMALY_DETECTION_BAND(a)", "ANOMALY_DETECTION_BAND\\(\\) is not modelled"),
        ("METRICS()", "METRICS\\(\\) is not modelled"),
        ("a +", "ends too soon"),
        ("", "an expression is needed"),
        ("a b", "'b' is not expected"),
        ("IF(a)", "takes 2 to 3 arguments"),
        ("(a", "ends too soon"),
        ("a § b", "cannot be read"),
        ("Total", "neither an id"),
    ],
)
def test_what_cannot_be_read_or_is_not_modelled_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(MathError, match=said):
        Expression(text)
