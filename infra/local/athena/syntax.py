"""Calls with words inside: ``substring(x FROM 2)``, ``trim(LEADING '0' FROM x)``, SQL's JSON functions.

Each becomes an ordinary call whose options are literal texts, so that two calls of one text are one call.
"""

from collections.abc import Callable
from typing import Any, Final

from sqlglot import exp
from sqlglot.tokens import TokenType


def _call(name: str, *arguments: exp.Expression | None) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=[argument for argument in arguments if argument is not None])


def _arguments(parser: Any, first: exp.Expression | None) -> list[exp.Expression | None]:
    found = [first]
    while parser._match(TokenType.COMMA):
        found.append(parser._parse_lambda())
    return found


def _substring(parser: Any) -> exp.Expression:
    value = parser._parse_lambda()
    if parser._match(TokenType.FROM):
        start = parser._parse_bitwise()
        size = parser._parse_bitwise() if parser._match(TokenType.FOR) else None
        return _call("substring", value, start, size)
    return _call("substring", *_arguments(parser, value))


def _trim(parser: Any) -> exp.Expression:
    side = next((word for word in ("LEADING", "TRAILING", "BOTH") if parser._match_text_seq(word)), "BOTH")
    name = {"LEADING": "ltrim", "TRAILING": "rtrim", "BOTH": "trim"}[side]
    if parser._match(TokenType.FROM):
        return _call(name, parser._parse_bitwise())
    first = parser._parse_lambda()
    if parser._match(TokenType.FROM):
        return _call(name, parser._parse_bitwise(), first)
    return _call(name, *_arguments(parser, first))


def _format_json(parser: Any, value: exp.Expression | None) -> exp.Expression | None:
    return _call("json_parse", value) if parser._match_text_seq("FORMAT", "JSON") else value


def _path_call(name: str) -> Callable[[Any], exp.Expression]:
    def parse(parser: Any) -> exp.Expression:
        document = parser._parse_lambda()
        options = ["json"] if parser._match_text_seq("FORMAT", "JSON") else []
        parser._match(TokenType.COMMA)
        path = parser._parse_string()
        more: list[exp.Expression | None] = []
        while parser._curr is not None and parser._curr.token_type != TokenType.R_PAREN:
            if parser._match_text_seq("RETURNING"):
                options.append("returning")
                more.append(exp.Cast(this=exp.Null(), to=parser._parse_types()))
            elif parser._match_text_seq("DEFAULT"):
                more.append(parser._parse_bitwise())
                parser._match_text_seq("ON")
                options.append(f"default on {_word(parser)}")
            else:
                options.append(_word(parser))
        return _call(name, document, path, exp.Literal.string(" ".join(options)), *more)

    return parse


def _word(parser: Any) -> str:
    word = str(parser._curr.text).lower() if parser._curr is not None else ""
    parser._advance()
    return word


def _json_object(parser: Any) -> exp.Expression:
    members: list[exp.Expression | None] = []
    while parser._curr is not None and parser._curr.token_type != TokenType.R_PAREN and not _ends(parser):
        parser._match_text_seq("KEY")
        members.append(parser._parse_bitwise())
        if not (parser._match_text_seq("VALUE") or parser._match(TokenType.COLON)):
            parser.raise_error("expected VALUE or :")
        members.append(_format_json(parser, parser._parse_bitwise()))
        parser._match(TokenType.COMMA)
    return _call("json_object", exp.Literal.string(_tail(parser)), *members)


def _json_array(parser: Any) -> exp.Expression:
    items: list[exp.Expression | None] = []
    while parser._curr is not None and parser._curr.token_type != TokenType.R_PAREN and not _ends(parser):
        items.append(_format_json(parser, parser._parse_bitwise()))
        parser._match(TokenType.COMMA)
    return _call("json_array", exp.Literal.string(_tail(parser)), *items)


def _ends(parser: Any) -> bool:
    words = [str(token.text).upper() for token in (parser._curr, parser._next) if token is not None]
    return words in (["NULL", "ON"], ["ABSENT", "ON"]) or words[:1] in (["WITH"], ["WITHOUT"], ["RETURNING"])


def _tail(parser: Any) -> str:
    words = []
    while parser._curr is not None and parser._curr.token_type != TokenType.R_PAREN:
        words.append(_word(parser))
    return " ".join(words)


PARSERS: Final[dict[str, Callable[[Any], exp.Expression]]] = {
    "SUBSTRING": _substring,
    "TRIM": _trim,
    "JSON_VALUE": _path_call("json_value"),
    "JSON_QUERY": _path_call("json_query"),
    "JSON_EXISTS": _path_call("json_exists"),
    "JSON_OBJECT": _json_object,
    "JSON_ARRAY": _json_array,
}
