"""A statement's text as a syntax tree, with nothing of another dialect let through."""

import re
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from sqlglot import exp
from sqlglot.dialects.trino import Trino
from sqlglot.errors import SqlglotError
from sqlglot.parsers.trino import TrinoParser
from sqlglot.tokens import Token, TokenType

from infra.local.athena import syntax
from infra.local.athena.errors import QueryError

_SYMBOLS: Final = frozenset(
    [
        "(",
        ")",
        ",",
        ".",
        "+",
        "-",
        "*",
        "/",
        "%",
        "=",
        "<>",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "||",
        "[",
        "]",
        "->",
        "=>",
        ":",
        "?",
        ";",
    ]
)
_PARSED_FUNCTIONS: Final = ("CAST", "EXTRACT", "TRY_CAST", "POSITION", "LISTAGG")
_TRINO_UNITS: Final = frozenset(["year", "month", "day", "hour", "minute", "second"])
_INTERVAL: Final = re.compile(r"\s*[+-]?[\d:. -]*\d[\d:. -]*")


class _Parser(TrinoParser):  # type: ignore[misc, unused-ignore]
    # Functions stay as they are written: the allow-list goes by Trino's own names.
    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        **{name: TrinoParser.FUNCTION_PARSERS[name] for name in _PARSED_FUNCTIONS},
        **syntax.PARSERS,
    }
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        "CASE": TrinoParser.NO_PAREN_FUNCTION_PARSERS["CASE"],
        "ANY": TrinoParser.NO_PAREN_FUNCTION_PARSERS["ANY"],
    }


class _Tokenizer(Trino.Tokenizer):  # type: ignore[misc, unused-ignore]
    # sqlglot would swallow SHOW and EXECUTE whole, and reads comments inside comments, which Trino does not.
    COMMANDS: ClassVar[set[Any]] = set()
    NESTED_COMMENTS = False


class AthenaSql(Trino):  # type: ignore[misc, unused-ignore]
    """Athena's SELECT dialect, functions unchanged."""

    INDEX_OFFSET = 0  # a[1] stays a[1]
    Tokenizer = _Tokenizer
    tokenizer_class = _Tokenizer
    Parser = _Parser
    parser_class = _Parser


def tokens_of(sql: str) -> list[Token]:
    """The tokens of a text, without a semicolon at its end.

    Raises:
        QueryError: SYNTAX_ERROR when a quote does not end.
    """
    try:
        tokens: list[Token] = list(AthenaSql().tokenize(sql))
    except SqlglotError as error:
        raise QueryError("SYNTAX_ERROR", "line 1:1: a quote or a comment does not end") from error
    if tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        tokens.pop()
    return _with_numbers(tokens, sql)


_NUMBER: Final = re.compile(r"0[xX][0-9A-Fa-f_]+|0[bB][01_]+|0[oO][0-7_]+|\d+(?:_\d+)+(?:\.\d*(?:_\d+)*)?(?![A-Za-z_])")


def _with_numbers(tokens: list[Token], sql: str) -> list[Token]:
    """The tokens, with Trino's numbers in one piece each: 1_000 is two to sqlglot, and 0x1F is bytes."""
    done: list[Token] = []
    until = -1
    for token in tokens:
        if token.start <= until:
            continue
        match = None
        if token.token_type in {TokenType.NUMBER, TokenType.HEX_STRING, TokenType.BIT_STRING}:
            match = _NUMBER.match(sql, token.start)
        if match is None:
            done.append(token)
            continue
        digits = match[0].replace("_", "")
        text = str(int(digits, 0)) if digits[1:2].isalpha() else digits
        until = match.end() - 1
        done.append(Token(TokenType.NUMBER, text, token.line, token.col, token.start, until))
    return done


def require_one_statement(sql: str) -> list[Token]:
    """The tokens of the only statement in a text.

    Raises:
        QueryError: SYNTAX_ERROR for none or several, in Athena's words.

    >>> require_one_statement("select 1; select 2")
    Traceback (most recent call last):
    infra.local.athena.errors.QueryError: SYNTAX_ERROR: Only one sql statement is allowed. Got: select 1; select 2
    """
    tokens = tokens_of(sql)
    if not tokens:
        raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input '<EOF>'. Expecting: 'SELECT', 'WITH', 'VALUES'")
    if any(token.token_type == TokenType.SEMICOLON for token in tokens):
        raise QueryError("SYNTAX_ERROR", f"Only one sql statement is allowed. Got: {sql}")
    return tokens


def parse_query(sql: str) -> exp.Expression:
    """The tree of a SELECT, WITH, VALUES or TABLE text.

    Raises:
        QueryError: SYNTAX_ERROR with line and column.

    >>> parse_query("select count(*) from t").expressions[0].name
    'count'
    """
    tokens = require_one_statement(sql)
    _check_tokens(tokens, sql)
    try:
        tree = AthenaSql().parser().parse(tokens, sql)[0]
    except SqlglotError as error:
        details = getattr(error, "errors", None) or [{}]
        line, column = details[0].get("line", 1), details[0].get("col", 1)
        word = details[0].get("highlight") or "<EOF>"
        if (
            re.search(rf"\bcast\s*\(.*\bas\s+{re.escape(word)}\b", sql, re.IGNORECASE | re.DOTALL)
            and word.isidentifier()
        ):
            raise QueryError("TYPE_MISMATCH", f"line {line}:1: Unknown type: {word}") from error
        start = max(1, (column or 1) - len(word) + 1)
        raise QueryError("SYNTAX_ERROR", f"line {line}:{start}: mismatched input '{word}'") from error
    except RecursionError as error:
        raise QueryError("STATEMENT_TOO_LARGE", "the statement is nested too deeply") from error
    if tree is None:
        raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input '<EOF>'")
    return tree


def parse_parameters(values: Sequence[str]) -> list[exp.Expression]:
    """The trees of execution parameters: each one literal, as text.

    Args:
        values: e.g. ``["'abc'", "5", "DATE '2024-01-01'"]``.

    Raises:
        QueryError: SYNTAX_ERROR for anything but a literal.

    >>> parse_parameters(["'it''s'"])[0].name
    "it's"
    """
    trees = []
    for position, value in enumerate(values, start=1):
        select = parse_query(f"SELECT {value}") if value.strip() else None
        items = select.expressions if isinstance(select, exp.Select) else []
        only_items = isinstance(select, exp.Select) and {key for key, arg in select.args.items() if arg} == {
            "expressions"
        }
        if len(items) != 1 or not only_items or not _is_literal(items[0]):
            raise QueryError(
                "SYNTAX_ERROR",
                f"execution parameter {position} is not one literal; write a string in single quotes, a number, "
                "true, false, null or DATE '...'",
            )
        trees.append(items[0])
    return trees


def bind_parameters(sql: str, values: Sequence[str]) -> str:
    """The text with each ``?`` replaced by its parameter, in order.

    Args:
        sql: one statement.
        values: literals as text, checked one by one so that none can be more than a value.

    Raises:
        QueryError: INVALID_PARAMETER_USAGE when there are more or fewer of them than ``?``; SYNTAX_ERROR for one
            that is not a literal.

    >>> bind_parameters("select '?', ? + ?", ["5", "-1"])
    "select '?', 5 + (-1)"
    """
    holes = [token for token in tokens_of(sql) if token.token_type == TokenType.PLACEHOLDER]
    if len(holes) != len(values):
        raise QueryError(
            "INVALID_PARAMETER_USAGE",
            f"line 1:1: Incorrect number of parameters: expected {len(holes)} but found {len(values)}",
        )
    pieces, last = [], 0
    for hole, literal in zip(holes, parse_parameters(values), strict=True):
        text = literal.sql(dialect=AthenaSql, comments=False)
        pieces += [sql[last : hole.start], f"({text})" if isinstance(literal, exp.Neg) else text]
        last = hole.end + 1
    return "".join(pieces) + sql[last:]


def _is_literal(node: exp.Expression) -> bool:
    if isinstance(node, exp.Neg):
        return isinstance(node.this, exp.Literal) and not node.this.is_string
    if isinstance(node, exp.Cast):
        return isinstance(node.this, exp.Literal) and node.this.is_string
    return isinstance(node, exp.Literal | exp.Boolean | exp.Null | exp.Interval | exp.HexString)


def _check_tokens(tokens: Sequence[Token], sql: str) -> None:
    words = {TokenType.STRING, TokenType.NUMBER, TokenType.IDENTIFIER, TokenType.HEX_STRING, TokenType.UNICODE_STRING}
    for index, token in enumerate(tokens):
        if token.token_type in words:
            if token.token_type == TokenType.STRING and index and tokens[index - 1].text.upper() == "AS":
                raise QueryError("SYNTAX_ERROR", f"line {token.line}:{token.col}: a name is quoted with double quotes")
            continue
        text = token.text
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        follower = "" if following is None else "'" if following.token_type in words else following.text.upper()
        before = tokens[index - 1].text.upper() if index else ""
        if (text.upper() in {"GROUP", "ORDER"} and follower != "BY" and before not in {".", "WITHIN"}) or (
            text == "," and follower in {"FROM", "", ")", "WHERE", ","}
        ):
            raise QueryError("SYNTAX_ERROR", f"line {token.line}:{token.col}: mismatched input '{follower or '<EOF>'}'")
        if text.upper() == "CURRENT_DATE" and follower == "(":
            raise QueryError("SYNTAX_ERROR", f"line {token.line}:{token.col}: mismatched input '('")
        if text.upper() in {"OFFSET", ","} and index > 1 and tokens[index - 2].text.upper() == "LIMIT":
            raise QueryError(
                "SYNTAX_ERROR", f"line {token.line}:{token.col}: mismatched input '{text}'; OFFSET comes before LIMIT"
            )
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_@:]*(\s+[A-Za-z_][A-Za-z0-9_]*)*", text):
            if text.upper() == "INTERVAL":
                _check_interval(tokens, index)
            continue
        if text not in _SYMBOLS:
            raise QueryError("SYNTAX_ERROR", f"line {token.line}:{token.col}: mismatched input '{text}'")


def _check_interval(tokens: Sequence[Token], index: int) -> None:
    rest = list(tokens[index + 1 : index + 4])
    if rest and rest[0].text in "+-" and rest[0].token_type != TokenType.STRING:
        rest.pop(0)
    if not rest or rest[0].token_type != TokenType.STRING:
        return
    unit = rest[1].text.lower() if len(rest) > 1 else ""
    if unit and unit not in _TRINO_UNITS and re.fullmatch(r"[a-z]+", unit):
        raise QueryError("TYPE_NOT_FOUND", f"line {tokens[index].line}:{tokens[index].col}: Unknown type: interval")
    if not _INTERVAL.fullmatch(rest[0].text) or unit not in _TRINO_UNITS:
        raise QueryError(
            "INVALID_LITERAL" if unit else "SYNTAX_ERROR",
            f"line {tokens[index].line}:{tokens[index].col}: an interval is written INTERVAL '7' DAY "
            f"(units: {', '.join(sorted(_TRINO_UNITS))})",
        )
