"""Metric math over time series. Pure.

An expression is read once; what it asks for that is not modelled is refused by name. A series is a value by timestamp;
operators work where both sides have a value.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import itertools
import math
import operator
import re
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

Series = dict[int, float]
Value = float | Series | list[Series]


class MathError(ValueError):
    """An expression that CloudWatch, or this runtime, does not evaluate."""


class Grid(Struct, frozen=True):
    """The timestamps that a result may have, in order, and the seconds between them."""

    times: Sequence[int]
    period: int


_TOKEN: Final = re.compile(
    r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_]\w*)|(==|!=|<=|>=|&&|\|\||[-+*/^()<>,\[\]]))"
)
_WORDS: Final = {"AND": "&&", "OR": "||"}
_LEVELS: Final = (("||",), ("&&",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))
_FILLS: Final = ("REPEAT", "LINEAR")


class Expression:
    """An expression, read.

    Args:
        text: as in an alarm's or a query's ``Expression``.

    Raises:
        MathError: it cannot be read, or asks for a function that is not modelled.

    >>> Expression("IF(FILL(a, 0) > 1, a, 0)").names
    frozenset({'a'})
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._names: set[str] = set()
        self._node = self._level(0)
        if self._at < len(self._tokens):
            raise MathError(f"{self._tokens[self._at]!r} is not expected in {text!r}")
        self.names = frozenset(self._names)
        """The ids that it reads."""

    def value(self, given: Mapping[str, Series], grid: Grid) -> Value:
        """What comes of it.

        Args:
            given: the series by id.
        """
        return self._node(_World(given, grid))

    def _next(self) -> str:
        if self._at >= len(self._tokens):
            raise MathError(f"{self.text!r} ends too soon")
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _expect(self, token: str) -> None:
        found = self._next()
        if found != token:
            raise MathError(f"{token!r} is expected in {self.text!r}, not {found!r}")

    def _level(self, level: int) -> "_Node":
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while (sign := _WORDS.get(self._peek(), self._peek())) in _LEVELS[level]:
            self._next()
            left = _binary(sign, left, self._level(level + 1))
        return left

    def _unary(self) -> "_Node":
        if self._peek() == "-":
            self._next()
            inner = self._unary()
            return lambda world: _each(operator.neg, inner(world))
        base = self._atom()
        if self._peek() == "^":
            self._next()
            return _binary("^", base, self._unary())
        return base

    def _atom(self) -> "_Node":
        read = self._next()
        if read == "(":
            inner = self._level(0)
            self._expect(")")
            return inner
        if read == "[":
            return _listed(self._until("]"))
        if read[0].isdigit() or read[0] == ".":
            number = float(read)
            return lambda _: number
        if self._peek() == "(":
            return self._call(read)
        if not read[0].islower():
            raise MathError(f"{read!r} in {self.text!r} is neither an id, which begins with a small letter, nor a call")
        self._names.add(read)
        return lambda world: world.given.get(read, {})

    def _call(self, name: str) -> "_Node":
        self._next()
        if name == "FILL":
            return self._fill()
        if name not in _FUNCTIONS:
            raise MathError(f"{name}() is not modelled by the laptop runtime; modelled: {', '.join(modelled())}")
        least, most, function = _FUNCTIONS[name]
        arguments = self._until(")")
        if not least <= len(arguments) <= most:
            raise MathError(f"{name}() takes {least} to {most} arguments, not {len(arguments)}")
        return lambda world: function(world, [one(world) for one in arguments])

    def _fill(self) -> "_Node":
        inner = self._level(0)
        self._expect(",")
        if self._peek() in _FILLS:
            kind: str | _Node = self._next()
        else:
            kind = self._level(0)
        self._expect(")")
        return lambda world: _filled(world, inner(world), kind if isinstance(kind, str) else kind(world))

    def _until(self, end: str) -> list["_Node"]:
        found: list[_Node] = []
        while self._peek() != end:
            found.append(self._level(0))
            if self._peek() != end:
                self._expect(",")
        self._next()
        return found


class _World(Struct, frozen=True):
    given: Mapping[str, Series]
    grid: Grid


_Node = Callable[[_World], Value]


def modelled() -> list[str]:
    """The functions that can be used."""
    return sorted([*_FUNCTIONS, "FILL"])


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            raise MathError(f"{text[at : at + 20]!r} cannot be read in {text!r}")
        found.append(token[0].strip())
        at = token.end()
    if not found:
        raise MathError("an expression is needed")
    return found


def _divided(left: float, right: float) -> float:
    # A point that cannot be computed is none.
    return left / right if right else math.nan


def _power(left: float, right: float) -> float:
    try:
        found = left**right
    except (OverflowError, ZeroDivisionError):
        return math.nan
    return math.nan if isinstance(found, complex) else found


_OPERATORS: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "^": _power,
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "&&": lambda left, right: float(bool(left) and bool(right)),
    "||": lambda left, right: float(bool(left) or bool(right)),
}


def _binary(sign: str, left: _Node, right: _Node) -> _Node:
    function = _OPERATORS[sign]
    return lambda world: _pairwise(function, left(world), right(world))


def _listed(items: Sequence[_Node]) -> _Node:
    def node(world: _World) -> Value:
        found: list[Series] = []
        for item in items:
            value = item(world)
            found += value if isinstance(value, list) else [_series(world, value)]
        return found

    return node


def _pairwise(function: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if isinstance(left, list):
        return [_one(_pairwise(function, one, right)) for one in left]
    if isinstance(right, list):
        return [_one(_pairwise(function, left, one)) for one in right]
    if isinstance(left, dict) and isinstance(right, dict):
        return _clean({at: function(value, right[at]) for at, value in left.items() if at in right})
    if isinstance(left, dict):
        return _clean({at: function(value, right) for at, value in left.items()})  # type: ignore[arg-type]
    if isinstance(right, dict):
        return _clean({at: function(left, value) for at, value in right.items()})
    return function(left, right)


def _each(function: Callable[[float], float], value: Value) -> Value:
    if isinstance(value, list):
        return [_one(_each(function, one)) for one in value]
    if isinstance(value, dict):
        return {at: function(one) for at, one in value.items()}
    return function(value)


def _clean(series: Series) -> Series:
    return {at: value for at, value in series.items() if math.isfinite(value)}


def _one(value: Value) -> Series:
    if not isinstance(value, dict):
        raise MathError("one time series is needed here")
    return value


def _series(world: _World, value: Value) -> Series:
    return dict.fromkeys(world.grid.times, value) if isinstance(value, int | float) else _one(value)


def _filled(world: _World, value: Value, kind: Value | str) -> Value:
    if isinstance(value, list):
        return [_one(_filled(world, one, kind)) for one in value]
    series, found, last = _one(value), {}, None
    for at in world.grid.times:
        if at in series:
            last = found[at] = series[at]
        elif kind == "REPEAT":
            if last is not None:
                found[at] = last
        elif kind == "LINEAR":
            before, after = [one for one in series if one < at], [one for one in series if one > at]
            if before and after:
                first, second = max(before), min(after)
                found[at] = series[first] + (series[second] - series[first]) * (at - first) / (second - first)
        else:
            other = kind if isinstance(kind, int | float) else _one(kind).get(at)  # type: ignore[arg-type]
            if other is not None:
                found[at] = other
    return found


def _if(world: _World, given: Sequence[Value]) -> Value:
    condition = given[0]
    if isinstance(condition, int | float):
        chosen = 1 if condition else 2
        return given[chosen] if chosen < len(given) else {}
    found: Series = {}
    for at, value in _one(condition).items():
        chosen = 1 if value else 2
        if chosen >= len(given):
            continue
        other = given[chosen]
        point = other if isinstance(other, int | float) else _one(other).get(at)
        if point is not None:
            found[at] = point
    return found


def _folded(fold: Callable[[list[float]], float]) -> "_Function":
    """Of one series a number, of several a series."""

    def function(_: _World, given: Sequence[Value]) -> Value:
        value = given[0]
        if isinstance(value, int | float):
            return fold([value])
        if isinstance(value, dict):
            return fold(list(value.values())) if value else {}
        times = sorted({at for one in value for at in one})
        return {at: fold([one[at] for one in value if at in one]) for at in times}

    return function


def _mapped(function: Callable[[float], float]) -> "_Function":
    return lambda _, given: _each(function, given[0])


def _differences(scale: Callable[[int], float]) -> "_Function":
    def function(_: _World, given: Sequence[Value]) -> Value:
        series = sorted(_one(given[0]).items())
        pairs = itertools.pairwise(series)
        return {at: (value - before) / scale(at - since) for (since, before), (at, value) in pairs}

    return function


def _running(_: _World, given: Sequence[Value]) -> Value:
    found, total = {}, 0.0
    for at, value in sorted(_one(given[0]).items()):
        total += value
        found[at] = total
    return found


_Function = Callable[[_World, Sequence[Value]], Any]
_FUNCTIONS: Final[Mapping[str, tuple[int, int, _Function]]] = {
    "ABS": (1, 1, _mapped(abs)),
    "AVG": (1, 1, _folded(statistics.fmean)),
    "CEIL": (1, 1, _mapped(lambda value: float(math.ceil(value)))),
    "DATAPOINT_COUNT": (1, 1, _folded(lambda values: float(len(values)))),
    "DIFF": (1, 1, _differences(lambda _: 1.0)),
    "FLOOR": (1, 1, _mapped(lambda value: float(math.floor(value)))),
    "IF": (2, 3, _if),
    "MAX": (1, 1, _folded(max)),
    "MIN": (1, 1, _folded(min)),
    "PERIOD": (1, 1, lambda world, _: float(world.grid.period)),
    "RATE": (1, 1, _differences(float)),
    "RUNNING_SUM": (1, 1, _running),
    "STDDEV": (1, 1, _folded(statistics.pstdev)),
    "SUM": (1, 1, _folded(math.fsum)),
    "TIME_SERIES": (1, 1, lambda world, given: _series(world, given[0])),
}
