"""Rows of other people's Parquet files, a batch at a time; what we land ourselves is read by ``glue.catalog.lake``."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import msgspec

from glue.readers.rows import Row, SourceError

_BATCH_ROWS = 2_000
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a zone is added where the column has one


def read_parquet(source: str | BinaryIO | None) -> Iterator[Row]:
    """A row for each row of the file; a null is no cell. Rows are numbered from 1.

    Raises:
        SourceError: pyarrow is not installed, or this is no Parquet file.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise SourceError("reading Parquet needs pyarrow; install streamkeeper[lake]") from None
    try:
        file = pq.ParquetFile(source)
        number = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            names = batch.schema.names
            columns = [_values(column, pa) for column in batch.columns]
            for values in zip(*columns, strict=True):
                number += 1
                cells = {name: value for name, value in zip(names, values, strict=True) if value is not None}
                yield Row(number, cells, msgspec.json.encode(cells))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"not a Parquet file that can be read: {type(error).__name__}") from None


def _values(column: Any, pa: Any) -> list[Any]:
    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        zoned = kind.tz is not None
        return [
            None if value is None else _from_nanoseconds(value, zoned) for value in column.cast("int64").to_pylist()
        ]
    return [_faithful(value) for value in column.to_pylist()]


def _from_nanoseconds(value: int, zoned: bool) -> datetime | str:
    """A datetime, or RFC 3339 with all nine digits where a datetime would drop some."""
    micros, rest = divmod(value, 1_000)
    moment = _EPOCH + timedelta(microseconds=micros)
    if rest:
        return f"{moment.isoformat(timespec='microseconds')}{rest:03d}{'Z' if zoned else ''}"
    return moment.replace(tzinfo=UTC) if zoned else moment


def _faithful(value: Any) -> Any:
    """The value such that JSON keeps it: JSON has no NaN, and would make it a null."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return repr(value)
    if isinstance(value, dict):
        return {name: _faithful(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_faithful(inner) for inner in value]
    return value
