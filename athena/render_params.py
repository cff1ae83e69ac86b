"""A report's statement with an expression written into each of its places, for those who ask without parameters."""

from collections.abc import Callable, Mapping

from athena.reports import Binding, Report
from athena.values import integer_literal, text_literal


def fill(report: Report, moment: Callable[[Binding], str], choices: Mapping[str, str] | None = None) -> str:
    """The statement, complete.

    Args:
        report: the report.
        moment: the SQL that stands for a binding of ``since`` or ``until``. Other parameters have their default.
        choices: options other than the default, by parameter.

    Raises:
        ValueError: a choice that the report does not have.

    >>> from athena.reports import load
    >>> fill(load("actions_by_hour"), lambda binding: f"{binding.day or 'moment'}_of_{binding.name}()").splitlines()[9]
    'WHERE dt BETWEEN first_day_of_since() AND last_day_of_until()'
    """
    known = {parameter.name: parameter for parameter in report.parameters}
    for name, option in (choices or {}).items():
        if name not in known:
            raise ValueError(f"{report.name} has no parameter {name!r}; it takes {', '.join(known)}")
        known[name].check(option)
    defaults = {one.name: one.default for one in report.parameters if one.default is not None}

    def expression(binding: Binding) -> str:
        if known[binding.name].type == "timestamp":
            return moment(binding)
        default = known[binding.name].default
        return text_literal(default) if isinstance(default, str) else integer_literal(int(default or 0))

    options = {**defaults, **(choices or {})}
    return report.with_expressions(options, [expression(binding) for binding in report.bindings])
