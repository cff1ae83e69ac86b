"""JSON records as the rows of a Glue table: a delivery stream's record format conversion.

Two readers give the same rows. The fast one hands a buffer, piece by piece, to Arrow's JSON reader with an explicit
schema and takes its answer only when nothing in the piece could be read in two ways; whatever it objects to goes to
the strict one, :mod:`infra.local.firehose.openx`, record by record. So one bad record costs its neighbours a little
time and nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from infra.local.firehose.openx import RowReader
from infra.local.firehose.openx_options import OpenXOptions
from infra.local.firehose.openx_values import DoesNotFit

_SLICE_BYTES = 4 << 20
"""Bytes that the fast reader gets at once: it takes several times as much memory as it is given."""
_RETRY_BLOCK = 256
"""Records that are tried together once more when the fast reader objected to what it was given."""

_TIMESTAMP = r"^\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?|T\d\d:\d\d:\d\d(?:\.\d{1,6})?Z?)$"
_DATE = r"^\d{4}-\d\d-\d\d$"
_FIRST = -62_135_596_800_000_000  # 0001-01-01 in microseconds: Arrow goes back further than the strict reader does
_BLANK = b" \t\r\n"


@dataclass(frozen=True)
class Failure:
    """A record that was not converted.

    Args:
        index: its place in what was handed in, from 0.
        code: AWS's error code, e.g. ``DataFormatConversion.ParseError``.
        message: why, with nothing of the payload in it.
    """

    index: int
    code: str
    message: str


@dataclass(frozen=True)
class Converted:
    """The rows of the records that fit, in order, and the records that did not."""

    table: pa.Table
    failures: list[Failure]


class Converter:
    """Turns JSON records into rows of one schema.

    Args:
        schema: the table's columns as Arrow has them.
        options: the OpenX SerDe's settings.

    >>> from glue.catalog.lake import arrow_schema
    >>> converter = Converter(arrow_schema([("id", "string"), ("n", "int")]))
    >>> result = converter.convert([b'{"id": "a", "n": 1}', b'{"id": "b", "n": 1.9}', b'{"ID": "c", "other": 1}'])
    >>> result.table.to_pylist()
    [{'id': 'a', 'n': 1}, {'id': 'c', 'n': None}]
    >>> [(failure.index, failure.code) for failure in result.failures]
    [(1, 'DataFormatConversion.MalformedData')]
    """

    def __init__(self, schema: pa.Schema, options: OpenXOptions | None = None) -> None:
        self._schema = schema
        self._strict = RowReader(schema, options or OpenXOptions())
        self._fast = _FastReader(schema) if (options or OpenXOptions()).plain and _FastReader.reads(schema) else None

    def convert(self, records: Sequence[bytes]) -> Converted:
        """The rows of some records and, for each record that does not fit, why.

        A record holds one JSON object, or several one after another; a record fits whole or not at all.
        """
        return _joined(list(self.parts(records)))

    def parts(self, records: Sequence[bytes]) -> Iterator[Converted]:
        """What :meth:`convert` gives, part by part; failures have their places among all records."""
        yield from self._parts(records, _starts(records, _SLICE_BYTES), self._slice)

    def _slice(self, records: Sequence[bytes]) -> Converted:
        table = self.convert_fast(records)
        if table is not None:
            return Converted(table, [])
        if self._fast is None or len(records) <= _RETRY_BLOCK:
            return self.convert_strictly(records)
        return _joined(list(self._parts(records, range(0, len(records), _RETRY_BLOCK), self._slice)))

    def convert_fast(self, records: Sequence[bytes]) -> pa.Table | None:
        """What :meth:`convert` gives when the fast reader objects to nothing, else None."""
        return None if self._fast is None else self._fast.read(records)

    def convert_strictly(self, records: Sequence[bytes]) -> Converted:
        """What :meth:`convert` gives, by the strict reader alone."""
        rows: list[dict[str, object]] = []
        failures: list[Failure] = []
        for index, record in enumerate(records):
            try:
                rows += self._strict.rows(record)
            except DoesNotFit as error:
                failures.append(Failure(index, error.code, str(error)))
        return Converted(pa.Table.from_pylist(rows, schema=self._schema), failures)

    @staticmethod
    def _parts(
        records: Sequence[bytes], starts: Sequence[int], convert: Callable[[Sequence[bytes]], Converted]
    ) -> Iterator[Converted]:
        """What the parts that begin at these places give, one after the other."""
        for start, end in pairwise([*starts, len(records)]):
            part = convert(records[start:end])
            failures = [Failure(start + failure.index, failure.code, failure.message) for failure in part.failures]
            yield Converted(part.table, failures)


def _joined(parts: Sequence[Converted]) -> Converted:
    if len(parts) == 1:
        return parts[0]
    return Converted(
        pa.concat_tables([part.table for part in parts]), [failure for part in parts for failure in part.failures]
    )


class _FastReader:
    """Arrow's JSON reader, fenced so that it reads what the strict reader reads or nothing."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._asked = pa.schema([pa.field(field.name, _asked_type(field.type)) for field in schema])

    @staticmethod
    def reads(schema: pa.Schema) -> bool:
        """Whether every column has a type whose JSON forms are fenced: no maps, decimals, bytes, nested times."""
        if any(field.name != field.name.lower() for field in schema):
            return False
        return all(_is_top_level_only(field.type) or _is_simple(field.type) for field in schema)

    def read(self, records: Sequence[bytes]) -> pa.Table | None:
        """The rows of all records, or None when one of them must be looked at more closely."""
        lines = _lines(records)
        if not lines:
            return None
        # One byte of invalid UTF-8 passes Arrow by in places where the strict reader sees it. Line by line, since the
        # text of all would take four bytes a character for one emoji.
        try:
            for line in lines:
                if not line.isascii():
                    line.decode()
        except UnicodeDecodeError:
            return None
        body = b"\n".join(lines)
        try:
            table = pj.read_json(
                pa.BufferReader(body),
                read_options=pj.ReadOptions(use_threads=False, block_size=max(4 << 20, len(max(lines, key=len)) + 2)),
                parse_options=pj.ParseOptions(explicit_schema=self._asked, unexpected_field_behavior="error"),
            )
            # Every line begins with { and ends with }, so every line break lies between two documents: as many rows
            # as lines means one document a line.
            if table.num_rows != len(lines):
                return None
            return self._typed(table)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None

    def _typed(self, table: pa.Table) -> pa.Table | None:
        columns = []
        for field in self._schema:
            column = table.column(field.name)
            if pa.types.is_timestamp(field.type):
                column = _timestamps(column)
            elif pa.types.is_date(field.type):
                column = _dates(column)
            elif not all(_finite(chunk) for chunk in column.chunks):
                return None  # NaN and Infinity are not JSON, and a number too large is not infinite
            elif pa.types.is_float32(field.type):
                column = column.cast(pa.float32(), safe=False)
                if not all(_finite(chunk) for chunk in column.chunks):
                    return None
            if column is None:
                return None
            columns.append(column)
        return pa.Table.from_arrays(columns, schema=self._schema)


def _starts(records: Sequence[bytes], size: int) -> list[int]:
    """Where the parts of at most so many bytes begin; a larger record is a part of its own.

    >>> _starts([b"ab", b"c", b"defg", b"h"], 3)
    [0, 2, 3]
    """
    starts, held = [0], 0
    for at, record in enumerate(records):
        if held and held + len(record) > size:
            starts.append(at)
            held = 0
        held += len(record)
    return starts


def _lines(records: Sequence[bytes]) -> list[bytes] | None:
    """The documents of records that hold one a line, or None when that is not plain to see."""
    lines: list[bytes] = []
    for record in records:
        text = record.strip(_BLANK)
        for line in text.split(b"\n") if b"\n" in text else (text,):
            if line[:1] != b"{" or line[-1:] != b"}":
                return None
            lines.append(line)
    return lines


def _asked_type(kind: pa.DataType) -> pa.DataType:
    """What Arrow's reader is asked for: text where it takes more forms of a time than the SerDe does."""
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pa.string()
    return pa.float64() if pa.types.is_float32(kind) else kind


def _is_top_level_only(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) or pa.types.is_date(kind) or pa.types.is_float32(kind))


def _is_simple(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_list(kind):
        return _is_simple(kind.value_type)
    if types.is_struct(kind):
        fields = [kind.field(at) for at in range(kind.num_fields)]
        return all(field.name == field.name.lower() and _is_simple(field.type) for field in fields)
    return bool(
        types.is_string(kind) or types.is_boolean(kind) or types.is_signed_integer(kind) or types.is_float64(kind)
    )


def _timestamps(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if not _all(pc.match_substring_regex(column, _TIMESTAMP)):
        return None
    moments = pc.utf8_rtrim(column, "Z").cast(pa.timestamp("us"))
    return moments if _not_before(moments.cast(pa.int64()), _FIRST) else None


def _dates(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if not _all(pc.match_substring_regex(column, _DATE)):
        return None
    days = column.cast(pa.date32())
    return days if _not_before(days.cast(pa.int32()), _FIRST // 86_400_000_000) else None


def _finite(array: pa.Array) -> bool:
    if pa.types.is_floating(array.type):
        return _all(pc.is_finite(array))
    if pa.types.is_list(array.type):
        return _finite(array.flatten())
    if pa.types.is_struct(array.type):
        return all(_finite(part) for part in array.flatten())
    return True


def _not_before(numbers: pa.ChunkedArray, first: int) -> bool:
    """Whether none is less; nulls do not count.

    A Python number is never handed to Arrow: turning it into a scalar imports pandas, and two delivery streams that do
    so at the same time can find it half imported.
    """
    least = pc.min(numbers).as_py()
    return least is None or bool(least >= first)


def _all(answers: pa.Array | pa.ChunkedArray) -> bool:
    """True when no answer is false; nulls do not count."""
    return bool(pc.all(answers, min_count=0).as_py() is not False)
