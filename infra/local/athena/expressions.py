"""Expressions of the Athena dialect as DuckDB text with Trino's types and Trino's answers."""

import re
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from sqlglot import exp

from infra.local.athena import intervals, operators
from infra.local.athena.casts import cast, coerce, rounded, unify
from infra.local.athena.errors import QueryError, refused
from infra.local.athena.functions import Call, find_function
from infra.local.athena.intervals import is_day
from infra.local.athena.scope import Frame, only, position_of
from infra.local.athena.type_names import type_of
from infra.local.athena.types import (
    BIGINT,
    BOOLEAN,
    DAY_SECOND,
    DOUBLE,
    INTEGER,
    TIMESTAMP,
    UNKNOWN,
    VARBINARY,
    VARCHAR,
    YEAR_MONTH,
    SqlType,
    array,
    decimal,
)
from infra.local.athena.values import Typed, mismatch, quote
from infra.local.athena.zones import instant, zone_name

_EXTRACTED: Final = frozenset(
    ["year", "quarter", "month", "week", "day", "day_of_month", "day_of_week", "dow", "day_of_year", "doy",
     "year_of_week", "yow", "hour", "minute", "second", "timezone_hour", "timezone_minute"]
)  # fmt: skip
_COMPARISONS: Final = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}
_ARITHMETIC: Final = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}


class Expressions:
    """Translates expressions in the frame of one SELECT.

    Args:
        context: what the whole statement shares: text, time, relations (``query_relations.Relations``).
        frame: the scope, and what was met.
    """

    def __init__(self, context: Any, frame: Frame) -> None:
        self.context = context
        self.frame = frame

    def position(self, node: exp.Expression) -> str:
        """``line 1:8`` of a node."""
        return position_of(node, self.context.text)

    def compile(self, node: exp.Expression) -> Typed:
        """The translated expression.

        Raises:
            QueryError: as Athena would, or NOT_SUPPORTED.
        """
        if self.frame.groups and not self.frame.lambdas:
            grouped = self.frame.groups.get(node.sql(dialect="trino"))
            if grouped is not None:  # the same text twice, so that DuckDB sees that it is the same
                return grouped
        for kind in type(node).__mro__:
            handler = _HANDLERS.get(kind)
            if handler is not None:
                done = handler(self, node)
                return done if done.position != "line 1:1" else replace(done, position=self.position(node))
        raise refused(f"{type(node).__name__} ({node.sql(dialect='trino')[:60]})")

    def field_ids(self, nodes: list[exp.Expression]) -> list[int]:
        """The identities of the fields that these nodes plainly name."""
        ids = []
        for node in nodes:
            found = self.context.field_of(node, self.frame.scope)
            if found is not None:
                ids.append(id(found))
        return ids

    def boolean(self, node: exp.Expression, clause: str) -> Typed:
        """A condition.

        Raises:
            QueryError: TYPE_MISMATCH when it is not boolean.
        """
        value = self.compile(node)
        done = coerce(value, BOOLEAN)
        if done is None:
            raise mismatch(value.position, f"{clause} must evaluate to a boolean: actual type {value.type.text}")
        return done

    # --- names and literals -------------------------------------------------------------------------------------

    def _column(self, node: exp.Expression) -> Typed:
        if "field" in node.meta:
            known = self.context.fields[node.meta["field"]]
            return Typed(sql=known.sql, type=known.type)
        if isinstance(node.this, exp.Star):
            raise QueryError("SYNTAX_ERROR", f"{self.position(node)}: * is not allowed here")
        parts = [part.name.lower() for part in (node.parts if isinstance(node, exp.Column) else [node])]
        place = self.position(node)
        if len(parts) == 1 and parts[0] in self.frame.lambdas:
            return self.frame.lambdas[parts[0]]
        try:
            return self._resolve(parts, place)
        except QueryError as error:
            raise (
                error if error.message.startswith("line") else QueryError(error.name, f"{place}: {error.message}")
            ) from None

    def _resolve(self, parts: list[str], place: str) -> Typed:
        scope = self.frame.scope
        # a.b.c is a column of table a.b, else column b of table a and its field c, else column a and its fields.
        for taken in range(min(3, len(parts)), 0, -1):
            if parts[0] in self.frame.lambdas:
                break
            found = scope.find(parts[taken - 1], *reversed(parts[: taken - 1]))
            if found is not None:
                value = Typed(sql=found.sql, type=found.type, position=place)
                return self._fields(value, parts[taken:], place)
        if parts[0] in self.frame.lambdas:
            return self._fields(self.frame.lambdas[parts[0]], parts[1:], place)
        raise QueryError("COLUMN_NOT_FOUND", f"{place}: Column '{'.'.join(parts)}' cannot be resolved")

    def _fields(self, value: Typed, names: list[str], place: str) -> Typed:
        for name in names:
            if value.type.kind != "row":
                raise mismatch(place, f"Expression is not of type ROW: {value.type.text}")
            if name not in value.type.names:
                raise QueryError("COLUMN_NOT_FOUND", f"{place}: Column '{name}' cannot be resolved")
            index = value.type.names.index(name)
            value = Typed(sql=f"({value.sql}).f{index}", type=value.type.items[index], position=place)
        return value

    def _dot(self, node: exp.Expression) -> Typed:
        return self._fields(self.compile(node.this), [node.expression.name.lower()], self.position(node))

    def _literal(self, node: exp.Expression) -> Typed:
        text = node.name
        if node.is_string:
            return Typed(sql=quote(text), type=replace(VARCHAR, precision=len(text)), literal=text)
        if re.fullmatch(r"\d+", text):
            number = int(text)
            if number >= 2**63:
                raise QueryError("SYNTAX_ERROR", f"{self.position(node)}: Invalid numeric literal: {text}")
            kind = INTEGER if number < 2**31 else BIGINT
            return Typed(sql=f"CAST({number} AS {kind.duckdb})", type=kind, literal=number)
        if re.fullmatch(r"\d*\.\d*", text):
            whole, _, part = text.partition(".")
            kind = decimal(max(1, len(whole.lstrip("0")) + len(part)), len(part))
            return Typed(sql=f"CAST({quote(text)} AS {kind.duckdb})", type=kind, literal=Decimal(text))
        if re.fullmatch(r"(\d+\.?\d*|\.\d+)[eE][+-]?\d+", text):
            return Typed(sql=f"CAST({quote(text)} AS DOUBLE)", type=DOUBLE, literal=float(text))
        if re.fullmatch(r"[\d.]+[eE]\d+[+-].*", text):
            raise refused(f"{text} without blanks", advice="write blanks around + and -")
        raise QueryError("SYNTAX_ERROR", f"{self.position(node)}: Invalid numeric literal: {text}")

    def _negative(self, node: exp.Expression) -> Typed:
        inner = node.this.this if isinstance(node.this, exp.Paren) else node.this
        if isinstance(inner, exp.Literal) and inner.name == str(2**63):
            return Typed(sql=f"CAST('-{inner.name}' AS BIGINT)", type=BIGINT, literal=-(2**63))
        value = self.compile(inner)
        is_number = isinstance(inner, exp.Literal) and not isinstance(value.literal, bool)
        if is_number and isinstance(value.literal, int | float | Decimal):
            kind = INTEGER if value.literal == 2**31 else value.type
            return Typed(sql=f"CAST({quote('-' + inner.name)} AS {kind.duckdb})", type=kind, literal=-value.literal)
        if value.type.is_number or value.type.kind.startswith("interval"):
            return Typed(sql=f"(- {value.sql})", type=value.type)
        raise mismatch(self.position(node), f"Cannot negate {value.type.text}")

    def _interval(self, node: exp.Expression) -> Typed:
        only(node, "this", "unit")
        text = node.this
        sign = 1
        while isinstance(text, exp.Neg | exp.Paren):
            sign, text = (-sign if isinstance(text, exp.Neg) else sign), text.this
        found = intervals.read(text.name, node.args["unit"]) if isinstance(text, exp.Literal) else None
        if found is None:
            raise QueryError("INVALID_LITERAL", f"{self.position(node)}: '{text.name}' is not a valid INTERVAL literal")
        amount, is_months = sign * found[0], found[1]
        if is_months:
            return Typed(sql=f"CAST({amount} AS INTEGER)", type=YEAR_MONTH, literal=amount)
        return Typed(sql=f"CAST({amount} AS BIGINT)", type=DAY_SECOND, literal=amount)

    # --- operators ----------------------------------------------------------------------------------------------

    def _compare(self, node: exp.Expression) -> Typed:
        symbol = _COMPARISONS[type(node)]
        if isinstance(node.expression, exp.Any | exp.All):
            return self._quantified(node, symbol)
        return operators.compare(symbol, self.compile(node.left), self.compile(node.right), self.position(node))

    def _quantified(self, node: exp.Expression, symbol: str) -> Typed:
        quantifier = "ANY" if isinstance(node.expression, exp.Any) else "ALL"
        inner = node.expression.this
        inner = inner.this if isinstance(inner, exp.Paren | exp.Subquery) else inner
        left, subquery, kind = self._against_subquery(node.left, inner)
        if kind.is_floating:
            raise refused(f"{symbol} {quantifier} over floating point numbers")
        return Typed(sql=f"({left} {symbol} {quantifier} ({subquery}))", type=BOOLEAN)

    def _against_subquery(self, node: exp.Expression, query: exp.Expression) -> tuple[str, str, SqlType]:
        value = self.compile(node)
        inner = self.context.subquery(query, self.frame)
        if isinstance(node, exp.Tuple):
            item = operators.make_row(
                [Typed(sql=f"q.c{index}", type=column.type) for index, column in enumerate(inner.columns)]
            )
            item = replace(item, position=value.position)
        elif len(inner.columns) != 1:
            raise QueryError("TYPE_MISMATCH", f"{value.position}: the subquery must give one column")
        else:
            item = Typed(sql="q.c0", type=inner.columns[0].type, position=value.position)
        (left, right), kind = unify([value, item], what="value and result of subquery")
        for part in kind.items if isinstance(node, exp.Tuple) else (kind,):
            operators.require_comparable(part, value.position)
        return left.sql, f"SELECT {right.sql} FROM ({inner.sql}) q", kind

    def _arithmetic(self, node: exp.Expression) -> Typed:
        return operators.arithmetic(
            _ARITHMETIC[type(node)], self.compile(node.left), self.compile(node.right), self.position(node)
        )

    def _concat(self, node: exp.Expression) -> Typed:
        return operators.concatenate([self.compile(node.left), self.compile(node.right)], self.position(node))

    def _logical(self, node: exp.Expression) -> Typed:
        word = "AND" if isinstance(node, exp.And) else "OR"
        left, right = (self.boolean(part, f"Logical expression term of {word}") for part in (node.left, node.right))
        return Typed(sql=f"({left.sql} {word} {right.sql})", type=BOOLEAN)

    def _json_literal(self, node: exp.Expression) -> Typed:
        return self._named(node, "json_parse", [node.this])

    def _unicode(self, node: exp.Expression) -> Typed:
        def character(match: re.Match[str]) -> str:
            code = match[1] or match[2]
            return chr(int(code, 16)) if code else "\\"

        text = re.sub(r"\\(?:([0-9A-Fa-f]{4})|\+([0-9A-Fa-f]{6})|\\)", character, node.name)
        return self._literal(exp.Literal.string(text))

    def _not(self, node: exp.Expression) -> Typed:
        return Typed(sql=f"(NOT {self.boolean(node.this, 'Value of logical NOT expression').sql})", type=BOOLEAN)

    def _is(self, node: exp.Expression) -> Typed:
        if not isinstance(node.expression, exp.Null):
            raise QueryError("SYNTAX_ERROR", f"{self.position(node)}: IS takes NULL or DISTINCT FROM")
        return Typed(sql=f"({self.compile(node.this).sql} IS NULL)", type=BOOLEAN)

    def _distinct_from(self, node: exp.Expression) -> Typed:
        (left, right), kind = unify([self.compile(node.left), self.compile(node.right)], what="IS DISTINCT FROM sides")
        operators.require_comparable(kind, left.position)
        word = "IS NOT DISTINCT FROM" if isinstance(node, exp.NullSafeEQ) else "IS DISTINCT FROM"
        return Typed(sql=f"({left.sql} {word} {right.sql})", type=BOOLEAN)

    def _between(self, node: exp.Expression) -> Typed:
        only(node, "this", "low", "high")
        value, low, high = (self.compile(part) for part in (node.this, node.args["low"], node.args["high"]))
        place = self.position(node)
        above = operators.compare(">=", value, low, place)
        below = operators.compare("<=", value, high, place)
        return Typed(sql=f"({above.sql} AND {below.sql})", type=BOOLEAN)

    def _in(self, node: exp.Expression) -> Typed:
        only(node, "this", "expressions", "query")
        if query := node.args.get("query"):
            left, subquery, _ = self._against_subquery(
                node.this, query.this if isinstance(query, exp.Subquery) else query
            )
            return Typed(sql=f"({left} IN ({subquery}))", type=BOOLEAN)
        values = [self.compile(part) for part in (node.this, *node.expressions)]
        if values[0].type.kind == "row":
            place = self.position(node)
            tests = [operators.compare("=", values[0], item, place).sql for item in values[1:]]
            return Typed(sql=f"({' OR '.join(tests)})", type=BOOLEAN)
        done, kind = unify(values, what="IN value and list items")
        operators.require_comparable(kind, values[0].position)
        return Typed(sql=f"({done[0].sql} IN ({', '.join(item.sql for item in done[1:])}))", type=BOOLEAN)

    def _like(self, node: exp.Expression, escape: str = "") -> Typed:
        only(node, "this", "expression", "negate")
        value, pattern = self.compile(node.this), self.compile(node.expression)
        for side in (value, pattern):
            if side.type.kind not in {"varchar", "unknown"}:
                raise mismatch(self.position(node), f"LIKE takes varchar: actual type {side.type.text}")
        word = "NOT LIKE" if node.args.get("negate") else "LIKE"
        return Typed(sql=f"({value.sql} {word} {pattern.sql}{escape})", type=BOOLEAN)

    def _escape(self, node: exp.Expression) -> Typed:
        mark = self.compile(node.expression).text_literal
        if not isinstance(node.this, exp.Like) or mark is None or len(mark) != 1:
            raise refused("ESCAPE with anything but one literal character after LIKE")
        return self._like(node.this, f" ESCAPE {quote(mark)}")

    # --- branches, casts, rows ------------------------------------------------------------------------------------

    def _case(self, node: exp.Expression) -> Typed:
        only(node, "this", "ifs", "default")
        subject = self.compile(node.this) if node.args.get("this") else None
        tests, results = [], []
        for branch in node.args["ifs"]:
            if subject is None:
                tests.append(self.boolean(branch.this, "CASE WHEN clause").sql)
            else:
                tests.append(operators.compare("=", subject, self.compile(branch.this), self.position(branch)).sql)
            results.append(self.compile(branch.args["true"]))
        default = node.args.get("default")
        results.append(self.compile(default) if default else Typed(sql="NULL", type=UNKNOWN, literal=None))
        done, kind = unify(results, what="All CASE results")
        branches = " ".join(f"WHEN {test} THEN {value.sql}" for test, value in zip(tests, done, strict=False))
        return Typed(sql=f"(CASE {branches} ELSE {done[-1].sql} END)", type=kind)

    def _cast(self, node: exp.Expression) -> Typed:
        only(node, "this", "to", "safe")
        text = node.this.name if isinstance(node.this, exp.Literal) and node.this.is_string else None
        target = type_of(node.args["to"])
        if text is not None and not isinstance(node, exp.TryCast):
            if not self._says_cast(node):
                return self._typed_literal(text, target, node)
            if target.kind == "timestamp with time zone":
                return self._moment(text, node, name="INVALID_CAST_ARGUMENT", precision=target.precision)
        value = self.compile(node.this)
        if value.type.kind == "json" and target.kind in {"array", "map", "row"}:
            # What is cast at once keeps the order of its members, which json_parse alone sorts.
            value = replace(value, sql=re.sub(r"^sk_json_parse\(", "sk_json_unsorted(", value.sql))
        done = cast(value, target)
        if isinstance(node, exp.TryCast):
            self._check_try(node.this)
            return replace(done, sql=f"TRY({done.sql})")
        keeps = target.kind in {"varchar", "integer", "bigint"} and value.is_literal and value.type.kind == target.kind
        return replace(done, literal=value.literal) if keeps and target.precision is None else done

    def _says_cast(self, node: exp.Expression) -> bool:
        """Whether CAST is written: sqlglot reads DECIMAL '1.5' as a cast, too."""
        place = node.this.meta.get("start")
        before = self.context.text[:place] if place is not None else ""
        return re.search(r"\b(decimal|timestamp|date|time|uuid|ipaddress|double|real|bigint)\s*$", before, re.I) is None

    def _typed_literal(self, text: str, target: SqlType, node: exp.Expression) -> Typed:
        if target.kind in {"timestamp", "timestamp with time zone"}:
            return self._moment(text, node)
        if target.kind == "decimal":
            return self._decimal(text, node)
        if target.kind == "date" and not is_day(text):
            raise QueryError("INVALID_LITERAL", f"{self.position(node)}: '{text}' is not a valid DATE literal")
        return cast(self.compile(node.this), target)

    def _decimal(self, text: str, node: exp.Expression) -> Typed:
        if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text):
            raise QueryError("INVALID_LITERAL", f"{self.position(node)}: '{text}' is not a valid DECIMAL literal")
        whole, _, part = text.lstrip("+-").partition(".")
        kind = decimal(max(1, len(whole.lstrip("0")) + len(part)), len(part))
        return Typed(sql=f"CAST({quote(text)} AS {kind.duckdb})", type=kind, literal=Decimal(text))

    def _moment(
        self, text: str, node: exp.Expression, *, name: str = "INVALID_LITERAL", precision: int | None = None
    ) -> Typed:
        """A timestamp with the digits that its text has, or with those of a type."""
        form = r"(\d{4}-\d{1,2}-\d{1,2}(?: \d{1,2}:\d{1,2}(?::\d{1,2}(?:\.(\d{1,6}))?)?)?)(?: ?([A-Za-z+-][\w/:+-]*))?"
        match = re.fullmatch(form, text.strip())
        if match is None or not is_day(match[1].partition(" ")[0]):
            raise QueryError(name, f"{self.position(node)}: '{text}' is not a valid TIMESTAMP")
        digits = len(match[2] or "") if precision is None else precision
        stamp = Typed(
            sql=rounded(f"CAST({quote(match[1])} AS TIMESTAMP)", digits), type=replace(TIMESTAMP, precision=digits)
        )
        if not match[3]:
            return stamp if precision is None else instant(stamp, "UTC")
        try:
            return instant(stamp, zone_name(match[3]))
        except QueryError as error:
            raise QueryError(name, f"{self.position(node)}: {error.message}") from error

    def _check_try(self, node: exp.Expression) -> None:
        frame = Frame(scope=self.frame.scope, lambdas=self.frame.lambdas, windows=self.frame.windows)
        Expressions(self.context, frame).compile(node)
        if frame.has_aggregate or frame.has_subquery or frame.is_volatile:
            raise refused("TRY over an aggregate or a subquery", advice="put it in a subquery and TRY outside")

    def try_(self, node: exp.Expression) -> Typed:
        """``try(x)``: NULL where Trino would have NULL."""
        self._check_try(node)
        value = self.compile(node)
        return Typed(sql=f"TRY({value.sql})", type=value.type)

    def _tuple(self, node: exp.Expression) -> Typed:
        return operators.make_row([self.compile(item) for item in node.expressions])

    def _array(self, node: exp.Expression) -> Typed:
        only(node, "expressions")
        if not node.expressions:
            return Typed(sql="CAST([] AS INTEGER[])", type=array(UNKNOWN))
        done, kind = unify([self.compile(item) for item in node.expressions], what="All ARRAY elements")
        return Typed(sql=f"CAST([{', '.join(item.sql for item in done)}] AS {kind.duckdb}[])", type=array(kind))

    def _subscript(self, node: exp.Expression) -> Typed:
        only(node, "this", "expressions")
        value, index = self.compile(node.this), self.compile(node.expressions[0])
        return operators.subscript(value, index, self.position(node))

    def _at_time_zone(self, node: exp.Expression) -> Typed:
        return self._named(node, "at_timezone", [node.this, node.args["zone"]])

    def _extract(self, node: exp.Expression) -> Typed:
        if node.this.name.lower() not in _EXTRACTED:
            raise refused(f"EXTRACT({node.this.name} FROM ...)")
        return self._named(node, node.this.name.lower(), [node.expression])

    def _str_position(self, node: exp.Expression) -> Typed:
        only(node, "this", "substr")
        return self._named(node, "strpos", [node.this, node.args["substr"]])

    def _named(self, node: exp.Expression, name: str, arguments: list[exp.Expression]) -> Typed:
        return find_function(name)(Call(name=name, nodes=arguments, expressions=self, position=self.position(node)))

    def _current(self, node: exp.Expression) -> Typed:
        names = {exp.CurrentDate: "current_date", exp.CurrentTimestamp: "now", exp.Localtimestamp: "localtimestamp"}
        only(node)
        return self._named(node, names[type(node)], [])

    # --- functions, subqueries ------------------------------------------------------------------------------------

    def _function(self, node: exp.Expression) -> Typed:
        return self.context.calls.plain(self, node)  # type: ignore[no-any-return]

    def _windowed(self, node: exp.Expression) -> Typed:
        return self.context.calls.windowed(self, node)  # type: ignore[no-any-return]

    def _exists(self, node: exp.Expression) -> Typed:
        inner = self.context.subquery(node.this, self.frame)
        return Typed(sql=f"EXISTS ({inner.sql})", type=BOOLEAN)

    def _scalar(self, node: exp.Expression) -> Typed:
        only(node, "this")
        inner = self.context.subquery(node.this, self.frame)
        if len(inner.columns) != 1:
            raise QueryError("TYPE_MISMATCH", f"{self.position(node)}: a scalar subquery must give one column")
        return Typed(sql=f"({inner.sql})", type=inner.columns[0].type)


def _no_any(self: Expressions, node: exp.Expression) -> Typed:
    raise refused("ANY or ALL away from a comparison")


_HANDLERS: Final[dict[type, Callable[[Expressions, Any], Typed]]] = {
    exp.Column: Expressions._column,
    exp.Identifier: Expressions._column,
    exp.Dot: Expressions._dot,
    exp.Literal: Expressions._literal,
    exp.Boolean: lambda _, node: Typed(sql="TRUE" if node.this else "FALSE", type=BOOLEAN, literal=bool(node.this)),
    exp.Null: lambda _, __: Typed(sql="NULL", type=UNKNOWN, literal=None),
    exp.ParseJSON: Expressions._json_literal,
    exp.UnicodeString: Expressions._unicode,
    exp.Paren: lambda self, node: self.compile(node.this),
    exp.Neg: Expressions._negative,
    exp.Interval: Expressions._interval,
    **dict.fromkeys(_COMPARISONS, Expressions._compare),
    **dict.fromkeys(_ARITHMETIC, Expressions._arithmetic),
    exp.DPipe: Expressions._concat,
    exp.And: Expressions._logical,
    exp.Or: Expressions._logical,
    exp.Not: Expressions._not,
    exp.Is: Expressions._is,
    exp.NullSafeEQ: Expressions._distinct_from,
    exp.NullSafeNEQ: Expressions._distinct_from,
    exp.Between: Expressions._between,
    exp.In: Expressions._in,
    exp.Like: Expressions._like,
    exp.Escape: Expressions._escape,
    exp.Case: Expressions._case,
    exp.Cast: Expressions._cast,
    exp.TryCast: Expressions._cast,
    exp.Tuple: Expressions._tuple,
    exp.Array: Expressions._array,
    exp.Bracket: Expressions._subscript,
    exp.AtTimeZone: Expressions._at_time_zone,
    exp.Extract: Expressions._extract,
    exp.StrPosition: Expressions._str_position,
    exp.CurrentDate: Expressions._current,
    exp.CurrentTimestamp: Expressions._current,
    exp.Localtimestamp: Expressions._current,
    exp.Anonymous: Expressions._function,
    exp.Filter: Expressions._function,
    exp.WithinGroup: Expressions._function,
    exp.GroupConcat: Expressions._function,
    exp.Window: Expressions._windowed,
    exp.Exists: Expressions._exists,
    exp.Subquery: Expressions._scalar,
    exp.Any: _no_any,
    exp.All: _no_any,
    exp.HexString: lambda _, node: Typed(sql=f"unhex({quote(node.name)})", type=VARBINARY),
}
