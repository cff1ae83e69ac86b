"""Errors told without what they hold: their texts can be content."""

import traceback


def redacted(error: BaseException) -> str:
    """The type of an error and where in this code it was raised, without its text.

    >>> try:
    ...     {}["secret"]
    ... except KeyError as error:
    ...     redacted(error)
    'KeyError at <doctest ...:2'
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {'/'.join(frames[-1].filename.split('/')[-2:])}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
