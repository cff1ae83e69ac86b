"""How Lambda says no, and what it says no to in filters."""

from collections.abc import Mapping

from infra.local.awslambda.filters import PatternError, compile_filters
from infra.local.errors import ApiError


def refused(message: str) -> ApiError:
    """The error Lambda answers a request with that it will not take."""
    return ApiError("InvalidParameterValueException", message)


def filter_patterns(criteria: object) -> tuple[str, ...]:
    """The patterns of a ``FilterCriteria``.

    Raises:
        ApiError: InvalidParameterValueException for one that Lambda would refuse.
    """
    filters = criteria.get("Filters") if isinstance(criteria, Mapping) else None
    if criteria is not None and not isinstance(criteria, Mapping):
        raise refused("FilterCriteria must be a structure with Filters.")
    patterns = []
    for given in filters or []:
        pattern = given.get("Pattern") if isinstance(given, Mapping) else None
        if not isinstance(pattern, str):
            raise refused("FilterCriteria.Filters: a list of structures with a Pattern, a JSON text, is allowed.")
        patterns.append(pattern)
    try:
        compile_filters(patterns)
    except PatternError as error:
        raise refused(f"Invalid filter pattern definition. {error}") from None
    return tuple(patterns)
