"""What is wrong with a YAML text, in one line."""

import yaml


def yaml_problem(error: yaml.YAMLError) -> str:
    """Where the text stops being YAML and what stands there, in one line.

    >>> try:
    ...     yaml.safe_load("a: [1\\nb: 2")
    ... except yaml.YAMLError as error:
    ...     print(yaml_problem(error))
    line 2, column 2: expected ',' or ']', but got ':'
    """
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())
