"""Rows of other people's Parquet files, a batch at a time; what we land ourselves is read by ``glue.catalog.lake``."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import msgspec

from glue.readers.parquet_pages import bounds_of
from glue.readers.rejection import Rejection
from glue.readers.rows import KEPT_OF_LONG_LINE, MAX_LINE_BYTES, Row, SourceError, too_long

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a zone is added where the column has one
_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_BUFFER = 64 * 1024


class _Unfit(msgspec.Struct, frozen=True):
    """A value that no row can hold: why, and what is written down of it."""

    reason: str
    why: str
    shown: object = None


def read_parquet(source: str | BinaryIO, *, leave_out: frozenset[str] = frozenset()) -> Iterator[Row]:
    """A row for each row of the file, numbered from 1; a null is no cell.

    Bytes that are UTF-8 are text. A row with other bytes, or with a time that no calendar has, is rejected.

    Args:
        source: a path, or an open file that can seek.
        leave_out: columns that are not read.

    Raises:
        SourceError: pyarrow is not installed, this is no Parquet file, or one that takes too much memory; or it is
            damaged from some row on.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise SourceError("reading Parquet needs pyarrow; install streamkeeper[lake]") from None
    if not isinstance(source, str):
        yield from _rows(source, leave_out, pa)
        return
    try:
        with open(source, "rb") as file:
            yield from _rows(file, leave_out, pa)
    except OSError as error:
        raise SourceError(f"{source}: {error.strerror or 'cannot be read'}; give a file that can be read") from None


def _rows(source: BinaryIO, leave_out: frozenset[str], pa: Any) -> Iterator[Row]:
    number = total = 0
    try:
        table = _Table(source, leave_out, pa)
        total = table.rows
        for columns in table.batches():
            for values in zip(*columns.values(), strict=True):
                number += 1
                yield _row(number, dict(zip(columns, values, strict=True)), leave_out)
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, MemoryError, OverflowError) as error:
        # What pyarrow raises on damaged files is not of one family.
        if isinstance(error, SourceError):
            raise
        behind = f"; {total - number:,} of its {total:,} rows were not read" if total else ""
        said = "damaged" if number else "not a Parquet file that can be read"
        raise SourceError(f"{said}: {type(error).__name__}{behind}") from None


def _row(number: int, given: dict[str, object], leave_out: frozenset[str]) -> Row:
    cells: dict[str, object] = {}
    problem: Rejection | None = None
    for name, value in given.items():
        if isinstance(value, _Unfit):
            advice = f"correct the column, or leave it out with --leave-out {name}"
            problem = problem or Rejection(value.reason, f"column {name}: {value.why}; {advice}")
            value = value.shown
        if value is not None:
            cells[name] = value
    try:
        raw = msgspec.json.encode(cells)
    except (TypeError, ValueError, OverflowError) as error:
        shown = msgspec.json.encode({name: str(value) for name, value in cells.items()})
        return Row(number, {}, shown, Rejection("type", f"a cell that JSON cannot hold: {type(error).__name__}"))
    if problem is None and len(raw) > MAX_LINE_BYTES:
        problem = too_long(len(raw))
    if problem is None:
        return Row(number, cells, raw)
    is_cut = len(raw) > MAX_LINE_BYTES
    return Row(number, {}, raw[:KEPT_OF_LONG_LINE] if is_cut else raw, problem, is_cut=is_cut)


class _Table:
    """A file, opened with everything bounded that it claims."""

    def __init__(self, source: BinaryIO, leave_out: frozenset[str], pa: Any) -> None:
        import pyarrow.parquet as pq

        self._pa = pa
        self._source = source
        given: dict[str, Any] = {"pre_buffer": False, "buffer_size": _BUFFER, "page_checksum_verification": True}
        file = pq.ParquetFile(source, **given)
        schema = file.schema_arrow
        _refuse_twice(schema.names, pa.struct(list(schema)), pa)
        self.names = [name for name in schema.names if name not in leave_out]
        bounds = bounds_of(source, file.metadata, without=leave_out)
        self.rows = file.metadata.num_rows
        self._batch = {"batch_size": bounds.rows, "use_threads": False}
        given["read_dictionary"] = list(bounds.wide)
        self._file = pq.ParquetFile(source, coerce_int96_timestamp_unit="us", **given)
        places = range(file.metadata.num_columns)
        columns = [file.metadata.schema.column(place) for place in places]
        coarse = [one.name for one in columns if one.physical_type == "INT96" and one.path in self.names]
        # INT96 reaches further than microseconds do, and wraps there; milliseconds do not.
        self._coarse = pq.ParquetFile(source, coerce_int96_timestamp_unit="ms", **given) if coarse else None
        self._coarse_names = coarse

    def batches(self) -> Iterator[dict[str, list[object]]]:
        """Columns of values by name, so many rows at a time."""
        if not self.names:
            raise SourceError("no column is left of it; leave fewer out")
        for group in range(self._file.num_row_groups):
            # One group after the other, so that what is damaged in one does not take rows of the one before.
            yield from self._group({**self._batch, "row_groups": [group]})

    def _group(self, given: dict[str, Any]) -> Iterator[dict[str, list[object]]]:
        coarse = self._coarse.iter_batches(columns=self._coarse_names, **given) if self._coarse is not None else None
        for batch in self._file.iter_batches(columns=self.names, **given):
            made = {name: self._values(batch.column(name)) for name in batch.schema.names}
            if coarse is not None:
                for name, column in zip(self._coarse_names, next(coarse).columns, strict=True):
                    fine = batch.column(name).cast("int64").to_pylist()
                    for place, (value, check) in enumerate(zip(fine, column.cast("int64").to_pylist(), strict=True)):
                        if value is not None and value // 1_000 != check:
                            made[name][place] = _far(check)
            yield made

    def _values(self, column: Any) -> list[object]:
        types, kind = self._pa.types, column.type
        if types.is_dictionary(kind):
            # A few values that stand for many rows: each is made once.
            places = column.indices.to_pylist()
            known = {place: self._one(column.dictionary[place]) for place in {*places} - {None}}
            return [None if place is None else known[place] for place in places]
        if types.is_timestamp(kind):
            zoned = kind.tz is not None
            scale = _NANOSECONDS[kind.unit]
            return [None if one is None else _moment(one * scale, zoned) for one in column.cast("int64").to_pylist()]
        try:
            return [_faithful(value) for value in column.to_pylist()]
        except (ValueError, OverflowError, self._pa.ArrowException):
            return [self._one(value) for value in column]

    def _one(self, value: Any) -> object:
        try:
            return _faithful(value.as_py())
        except UnicodeDecodeError:
            return _Unfit("encoding", "text that is not UTF-8", base_bytes(value))
        except (ValueError, OverflowError, self._pa.ArrowException) as error:
            if self._pa.types.is_temporal(value.type):
                return _far(None)
            return _Unfit("type", f"a value that cannot be read ({type(error).__name__})")


def base_bytes(value: Any) -> object:
    """The bytes of a text, for the file of rejected rows."""
    try:
        return value.as_buffer().to_pybytes()
    except (AttributeError, ValueError):
        return None


def _refuse_twice(names: list[str], kind: Any, pa: Any, *, inside: str = "") -> None:
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        where = f" inside {inside}" if inside else ""
        raise SourceError(f"it names {', '.join(twice)} more than once{where}; allowed: each column once")
    for place in range(kind.num_fields):
        field = kind.field(place)
        inner: Callable[[Any], bool] = pa.types.is_struct
        if inner(field.type):
            below = [field.type.field(one).name for one in range(field.type.num_fields)]
            _refuse_twice(below, field.type, pa, inside=field.name)


def _moment(value: int, zoned: bool) -> object:
    """A datetime, or RFC 3339 with all nine digits where a datetime would drop some."""
    micros, rest = divmod(value, 1_000)
    try:
        moment = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return _far(value)
    if rest:
        return f"{moment.isoformat(timespec='microseconds')}{rest:03d}{'Z' if zoned else ''}"
    return moment.replace(tzinfo=UTC) if zoned else moment


def _far(value: object) -> _Unfit:
    return _Unfit("time_range", "a time before year 1 or after year 9999", None if value is None else str(value))


def _faithful(value: Any) -> Any:
    """The value such that JSON keeps it: text that came as bytes, and what JSON has no number for."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return _Unfit("encoding", "bytes that are not UTF-8", value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return repr(value)
    if isinstance(value, dict):
        inner = {name: _faithful(one) for name, one in value.items()}
        return next((one for one in inner.values() if isinstance(one, _Unfit)), inner)
    if isinstance(value, (list, tuple)):
        items = [_faithful(one) for one in value]
        return next((one for one in items if isinstance(one, _Unfit)), items)
    return value
