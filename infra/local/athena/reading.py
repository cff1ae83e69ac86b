"""Walks over a statement's tokens."""

import re
from collections.abc import Sequence

from sqlglot.tokens import Token, TokenType

from infra.local.athena.errors import QueryError, refused


class Reader:
    """Walks over a statement's tokens."""

    def __init__(self, sql: str, tokens: Sequence[Token]) -> None:
        self.sql = sql
        self.tokens = tokens
        self.place = 0

    def word(self, offset: int = 0) -> str:
        """The word at a place, in upper case."""
        index = self.place + offset
        return self.tokens[index].text.upper() if index < len(self.tokens) else ""

    def take(self, *words: str) -> bool:
        """Whether these words stand here; goes past them."""
        if tuple(self.word(offset) for offset in range(len(words))) != words:
            return False
        if any(self.tokens[self.place + n].token_type == TokenType.STRING for n in range(len(words))):
            return False
        self.place += len(words)
        return True

    def need(self, *words: str) -> None:
        """Goes past these words.

        Raises:
            QueryError: SYNTAX_ERROR when something else stands here.
        """
        if not self.take(*words):
            raise self.unexpected()

    def unexpected(self) -> QueryError:
        """SYNTAX_ERROR for what stands here."""
        if self.place >= len(self.tokens):
            return QueryError("SYNTAX_ERROR", "line 1:1: mismatched input '<EOF>'")
        token = self.tokens[self.place]
        return QueryError("SYNTAX_ERROR", f"line {token.line}:{max(1, token.col - len(token.text) + 1)}: "
                                          f"mismatched input '{token.text}'")  # fmt: skip

    def name(self) -> str:
        """A name, in lower case."""
        if self.place >= len(self.tokens) or not re.fullmatch(r"[\w$-]+", self.tokens[self.place].text):
            raise self.unexpected()
        self.place += 1
        return str(self.tokens[self.place - 1].text).lower()

    def qualified(self) -> tuple[str | None, str]:
        """A name, with its database where it has one."""
        parts = [self.name()]
        while self.take("."):
            parts.append(self.name())
        if len(parts) == 3 and parts[0] == "awsdatacatalog":
            parts.pop(0)
        if len(parts) > 2:
            raise refused(f"the catalog {parts[0]}")
        return (parts[0] if len(parts) == 2 else None), parts[-1]

    def string(self) -> str:
        """A text in quotes."""
        if self.place >= len(self.tokens) or self.tokens[self.place].token_type != TokenType.STRING:
            raise self.unexpected()
        self.place += 1
        return str(self.tokens[self.place - 1].text)

    def rest(self) -> str:
        """What is left of the statement."""
        if self.place >= len(self.tokens):
            raise self.unexpected()
        return self.sql[self.tokens[self.place].start : self.tokens[-1].end + 1]

    def end(self) -> None:
        """Nothing, at the statement's end."""
        if self.place < len(self.tokens):
            raise self.unexpected()

    def brackets(self) -> str:
        """What stands between this bracket and the one that closes it."""
        self.need("(")
        depth, first = 1, self.place
        while self.place < len(self.tokens):
            text, kind = self.tokens[self.place].text, self.tokens[self.place].token_type
            depth += (kind == TokenType.L_PAREN) - (kind == TokenType.R_PAREN)
            self.place += 1
            if not depth:
                return self.sql[self.tokens[first].start : self.tokens[self.place - 2].end + 1] if text else ""
        raise self.unexpected()

    def properties(self) -> dict[str, object]:
        """``(name = value, …)``."""
        found: dict[str, object] = {}
        self.need("(")
        while True:
            name = self.name()
            self.need("=")
            found[name] = self._value()
            if self.take(")"):
                return found
            self.need(",")

    def _value(self) -> object:
        if self.take("ARRAY"):
            self.need("[")
            listed: list[object] = []
            while not self.take("]"):
                listed.append(self._value())
                self.take(",")
            return listed
        token = self.tokens[self.place] if self.place < len(self.tokens) else None
        if token is None or token.token_type not in {
            TokenType.STRING,
            TokenType.NUMBER,
            TokenType.TRUE,
            TokenType.FALSE,
        }:
            raise self.unexpected()
        self.place += 1
        if token.token_type == TokenType.NUMBER:
            return int(token.text)
        return token.text if token.token_type == TokenType.STRING else token.token_type == TokenType.TRUE

    def pairs(self) -> dict[str, str]:
        """``('name' = 'value', …)``, as Hive writes properties."""
        found: dict[str, str] = {}
        self.need("(")
        while not self.take(")"):
            name = self.text()
            self.need("=")
            found[name] = self.text()
            self.take(",")
        return found

    def text(self) -> str:
        """A text in single or double quotes, with Hive's escapes read."""
        kinds = {TokenType.STRING, TokenType.IDENTIFIER, TokenType.NUMBER}
        if self.place >= len(self.tokens) or self.tokens[self.place].token_type not in kinds:
            raise self.unexpected()
        self.place += 1
        return unescaped(str(self.tokens[self.place - 1].text))


_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\", "'": "'", '"': '"', "0": "\0"}


def unescaped(text: str) -> str:
    r"""A text of Hive's with its escapes read.

    >>> unescaped(r"\t|\001|\d")
    '\t|\x01|\\d'
    """
    return re.sub(
        r"\\([0-7]{3}|.)",
        lambda m: chr(int(m[1], 8)) if len(m[1]) == 3 else _ESCAPES.get(m[1], "\\" + m[1]),
        text,
        flags=re.DOTALL,
    )
