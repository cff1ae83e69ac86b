"""A DuckDB connection for one query: bounded, cut off from the machine, with Trino's functions."""

import inspect
import os
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb

from infra.local.athena import functions_time as query_functions_time
from infra.local.athena import json as query_json
from infra.local.athena import regex as query_regex
from infra.local.athena import text as query_text
from infra.local.athena.errors import QueryError


def _fail(message: str) -> str:
    name, _, text = message.partition(": ")
    raise QueryError(name, text)


def _double_to_decimal(value: float, scale: int) -> str:
    step = Decimal(1).scaleb(-scale)
    try:
        shown, exact = (d.quantize(step, rounding=ROUND_HALF_UP) for d in (Decimal(repr(value)), Decimal(value)))
    except ArithmeticError:
        raise QueryError("INVALID_CAST_ARGUMENT", "Cannot cast a double to that decimal") from None
    if shown != exact:
        raise QueryError("NOT_SUPPORTED", "a cast from double to decimal at the very middle; round() it first")
    return format(shown, "f")


def _refuse(doubt: bool, message: str) -> bool:
    if doubt:
        raise QueryError("NOT_SUPPORTED", message)
    return False


def _bad_data(message: str, _: int) -> str:
    return _fail(message)


def _from_utf8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# name: (function, DuckDB types of the arguments, of the answer)
_FUNCTIONS: Final[dict[str, tuple[Callable[..., object], list[str], str]]] = {
    "sk_fail": (_fail, ["VARCHAR"], "VARCHAR"),
    "sk_bad_data": (_bad_data, ["VARCHAR", "BIGINT"], "VARCHAR"),
    "sk_refuse": (_refuse, ["BOOLEAN", "VARCHAR"], "BOOLEAN"),
    "sk_double_text": (query_text.double_to_varchar, ["DOUBLE"], "VARCHAR"),
    "sk_real_text": (query_text.real_to_varchar, ["FLOAT"], "VARCHAR"),
    "sk_double_to_decimal": (_double_to_decimal, ["DOUBLE", "INTEGER"], "VARCHAR"),
    "sk_lower": (query_text.lower, ["VARCHAR"], "VARCHAR"),
    "sk_upper": (query_text.upper, ["VARCHAR"], "VARCHAR"),
    "sk_reverse": (query_text.reverse, ["VARCHAR"], "VARCHAR"),
    "sk_from_utf8": (_from_utf8, ["BLOB"], "VARCHAR"),
    "sk_xxhash64": (query_text.xxhash64, ["BLOB"], "BLOB"),
    "sk_url_protocol": (query_text.url_protocol, ["VARCHAR"], "VARCHAR"),
    "sk_url_host": (query_text.url_host, ["VARCHAR"], "VARCHAR"),
    "sk_url_port": (query_text.url_port, ["VARCHAR"], "BIGINT"),
    "sk_url_path": (query_text.url_path, ["VARCHAR"], "VARCHAR"),
    "sk_regexp_like": (query_regex.like, ["VARCHAR", "VARCHAR"], "BOOLEAN"),
    "sk_regexp_extract": (query_regex.extract, ["VARCHAR", "VARCHAR", "BIGINT"], "VARCHAR"),
    "sk_regexp_extract_all": (query_regex.extract_all, ["VARCHAR", "VARCHAR", "BIGINT"], "VARCHAR[]"),
    "sk_regexp_count": (query_regex.count, ["VARCHAR", "VARCHAR"], "BIGINT"),
    "sk_regexp_position": (query_regex.position, ["VARCHAR", "VARCHAR"], "BIGINT"),
    "sk_regexp_split": (query_regex.split, ["VARCHAR", "VARCHAR"], "VARCHAR[]"),
    "sk_regexp_replace": (query_regex.replace, ["VARCHAR", "VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_json_extract_scalar": (query_json.extract_scalar, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_json_extract": (query_json.extract, ["VARCHAR", "VARCHAR"], "VARCHAR"),
    "sk_json_parse": (query_json.parse, ["VARCHAR"], "VARCHAR"),
    "sk_json_array_length": (query_json.array_length, ["VARCHAR"], "BIGINT"),
    "sk_json_size": (query_json.size, ["VARCHAR", "VARCHAR"], "BIGINT"),
    "sk_json_quote": (query_json.dump, ["VARCHAR"], "VARCHAR"),
    "sk_json_to_varchar": (query_json.to_varchar, ["VARCHAR"], "VARCHAR"),
    "sk_json_to_bigint": (query_json.to_bigint, ["VARCHAR"], "BIGINT"),
    "sk_json_to_double": (query_json.to_double, ["VARCHAR"], "DOUBLE"),
    "sk_json_to_boolean": (query_json.to_boolean, ["VARCHAR"], "BOOLEAN"),
    "sk_json_elements": (query_json.to_elements, ["VARCHAR"], "VARCHAR[]"),
    "sk_json_keys": (query_json.to_keys, ["VARCHAR"], "VARCHAR[]"),
    "sk_json_values": (query_json.to_values, ["VARCHAR"], "VARCHAR[]"),
    "sk_iso_micros": (query_functions_time.iso_micros, ["VARCHAR"], "BIGINT"),
}


OVERFLOW = "20GB"
"""How much of one query may lie on disk."""


def quarter_of_memory() -> str:
    """How much memory a query takes before it writes to disk: a quarter of the machine's, from 1 to 4 GB."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{min(4096, max(1024, whole // 4 // 2**20))}MB"


class Session:
    """A connection, and what its functions refused while it ran.

    Args:
        memory: DuckDB's memory limit.
        threads: DuckDB's threads.
    """

    def __init__(self, *, memory: str = "512MB", threads: int = 2) -> None:
        # A year of verdicts has more rows than memory holds; what does not fit lies here while the query runs.
        self._overflow = TemporaryDirectory(prefix="streamkeeper-query-", ignore_cleanup_errors=True)
        self.connection = duckdb.connect(
            ":memory:",
            config={
                "threads": threads,
                "memory_limit": memory,
                "temp_directory": self._overflow.name,
                "max_temp_directory_size": OVERFLOW,
            },
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        self._known: set[str] = set()
        # TRY() would turn a refusal into NULL, so it is remembered here as well.
        self.refusals: list[QueryError] = []

    def lock(self, files: Any) -> None:
        """Cuts the connection off from everything but these files.

        Args:
            files: an fsspec file system (``query_files.ObjectFiles``).
        """
        self.connection.register_filesystem(files)
        self.connection.execute(f"SET allowed_directories = ['{files.protocol}://']")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def close(self) -> None:
        """Ends the connection."""
        self.connection.close()
        self._overflow.cleanup()

    def run(self, sql: str) -> Any:
        """The connection after it ran a text.

        Raises:
            QueryError: what failed, in Athena's words.
        """
        self._provide(sql)
        try:
            self.connection.execute(sql)
        except duckdb.Error as error:
            raise self._told(error) from error
        return self.connection

    def arrow(self, sql: str) -> Any:
        """The rows that a text gives, as one Arrow table.

        Raises:
            QueryError: what failed, in Athena's words.
        """
        self._provide(sql)
        try:
            return self.connection.sql(sql).to_arrow_table()
        except duckdb.Error as error:
            raise self._told(error) from error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows that a text gives.

        Raises:
            QueryError: what failed, in Athena's words.
        """
        self._provide(sql)
        try:
            found: list[tuple[Any, ...]] = self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise self._told(error) from error
        self.check()
        return found

    def check(self) -> None:
        """Nothing, when no function refused a value.

        Raises:
            QueryError: the refusal.
        """
        if self.refusals:
            raise self.refusals[0]

    def _provide(self, sql: str) -> None:
        for name in set(re.findall(r"\bsk_[a-z0-9_]+", sql)) - self._known:
            if name in _FUNCTIONS:
                function, takes, gives = _FUNCTIONS[name]
                self.connection.create_function(name, self._watched(function), takes, gives, null_handling="special")
                self._known.add(name)

    def _watched(self, function: Callable[..., object]) -> Callable[..., object]:
        count = len(inspect.signature(function).parameters)

        def watched(*given: object) -> object:
            if None in given:
                return None
            try:
                return function(*given)
            except QueryError as error:
                if error.name == "NOT_SUPPORTED":
                    self.refusals.append(error)
                raise

        # DuckDB counts the parameters of what it is given.
        if count == 1:
            return lambda a: watched(a)
        return (lambda a, b: watched(a, b)) if count == 2 else (lambda a, b, c: watched(a, b, c))

    def _told(self, error: duckdb.Error) -> QueryError:
        return self.refusals[0] if self.refusals else told(error)


_MESSAGES: Final = (
    (r"Division by zero", "DIVISION_BY_ZERO", "Division by zero"),
    (r"More than one row returned by a subquery", "SUBQUERY_MULTIPLE_ROWS",
     "Scalar sub-query has returned multiple rows"),
    (r"must appear in the GROUP BY clause|must be part of an aggregate", "EXPRESSION_NOT_AGGREGATE",
     "a selected expression must be an aggregate expression or appear in GROUP BY clause"),
    (r"Map keys must be unique", "INVALID_FUNCTION_ARGUMENT", "Duplicate map keys are not allowed"),
    (r"Map keys can not be NULL", "INVALID_FUNCTION_ARGUMENT", "map key cannot be null"),
    (r"[Oo]verflow|[Oo]ut of [Rr]ange|out of range", "NUMERIC_VALUE_OUT_OF_RANGE",
     "a number or a date is out of the range of its type"),
    (r"Conversion Error|Could not (?:convert|parse)|strptime", "INVALID_CAST_ARGUMENT",
     "a value cannot be cast to the type that is asked for"),
    (r"Out of Memory", "EXCEEDED_LOCAL_MEMORY_LIMIT", "the query needs more memory than the local twin gives it"),
    (r"INTERRUPT", "USER_CANCELED", "Query was canceled"),
)  # fmt: skip


def told(error: Exception) -> QueryError:
    """DuckDB's error in Athena's words, without the values in it."""
    text = str(error)
    raised = re.search(r"\bQueryError: ([A-Z_]+): (.*)", text, re.DOTALL)
    if raised:
        return QueryError(raised[1], raised[2].strip())
    for pattern, name, message in _MESSAGES:
        if re.search(pattern, text):
            return QueryError(name, message)
    kind = type(error).__name__
    first = re.sub(r"'[^']*'|\"[^\"]*\"", "…", text.splitlines()[0])[:200]
    return QueryError("GENERIC_INTERNAL_ERROR", f"the local engine answered {kind}: {first}")
