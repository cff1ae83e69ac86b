"""Whether the conditions of a statement hold for a call.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from infra.rights.patterns import arn_matches, matches

Test = Callable[[str, str], bool]

_TESTS: Mapping[str, Test] = {
    "StringEquals": lambda wanted, given: wanted == given,
    "StringEqualsIgnoreCase": lambda wanted, given: wanted.lower() == given.lower(),
    "StringLike": matches,
    "ArnEquals": arn_matches,
    "ArnLike": arn_matches,
    "Bool": lambda wanted, given: wanted.lower() == given.lower(),
    "NumericEquals": lambda wanted, given: float(given) == float(wanted),
    "NumericLessThan": lambda wanted, given: float(given) < float(wanted),
    "NumericLessThanEquals": lambda wanted, given: float(given) <= float(wanted),
    "NumericGreaterThan": lambda wanted, given: float(given) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, given: float(given) >= float(wanted),
}
_NEGATED: Mapping[str, str] = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


class ConditionError(ValueError):
    """A condition that cannot be judged; the message names it."""


def hold(conditions: Mapping[str, Any], context: Mapping[str, str | Sequence[str]]) -> bool:
    """Whether all conditions hold: every operator and every key of it, any value of a key.

    Args:
        conditions: a statement's ``Condition``.
        context: the call's condition keys, in any case; a key with several values has a sequence.

    Raises:
        ConditionError: an operator that is not one of AWS's, or is not known here.

    >>> hold({"StringLike": {"s3:prefix": ["a/*", "b/*"]}}, {"s3:prefix": "b/c"})
    True
    >>> hold({"StringEquals": {"aws:SourceAccount": "1"}}, {})
    False
    """
    given = {key.lower(): [value] if isinstance(value, str) else list(value) for key, value in context.items()}
    return all(
        _holds(
            operator,
            [str(one) if not isinstance(one, bool) else str(one).lower() for one in _listed(wanted)],
            given.get(key.lower()),
        )
        for operator, keys in conditions.items()
        for key, wanted in keys.items()
    )


def _holds(operator: str, wanted: list[str], given: list[str] | None) -> bool:
    quantity, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    if quantity not in ("", "ForAllValues", "ForAnyValue"):
        raise ConditionError(f"condition operator {operator}: {quantity} is no quantifier")
    if name == "Null":
        return (not given) == (wanted == ["true"])
    negated = name in _NEGATED
    test = _TESTS.get(_NEGATED.get(name, name))
    if test is None:
        raise ConditionError(f"condition operator {operator} is not evaluated here; known: {', '.join(_TESTS)}")
    if not given:
        # A key that a call has not: no value differs from all of it, and "IfExists" lets it pass.
        return rest.endswith("IfExists") or negated or quantity == "ForAllValues"

    def one(value: str) -> bool:
        found = any(test(pattern, value) for pattern in wanted)
        return not found if negated else found

    return all(map(one, given)) if quantity == "ForAllValues" or (negated and not quantity) else any(map(one, given))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
