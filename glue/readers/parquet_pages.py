"""How much a Parquet file makes of its bytes: read from the headers of its pages, before any page is unpacked.

A page says its size before it is unpacked, and a dictionary of one long value may stand for millions of rows. What such
a file claims is added up here, so that it is read in batches that fit, or refused.

Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from os import SEEK_END
from typing import Any, BinaryIO

from msgspec import Struct

from glue.readers.rows import SourceError
from glue.units import KIB, MIB

MAX_PAGES_BYTES = 36 * MIB
"""What one page of each column and the dictionaries may take together: all of them are in memory at a time."""
MAX_BATCH_BYTES = 8 * MIB
MAX_BATCH_ROWS = 2_000
MAX_RATIO = 1_000
"""What its values may take for each byte of the file: a dictionary of one long value stands for many rows."""
RATIO_FROM = 64 * MIB
"""Bytes of values before the ratio is judged."""
MAX_LIST_VALUES = 4_000_000
"""Values of a column of lists in one row group: one row may hold all of them."""

_MAX_HEADER = 256 * KIB
_DICTIONARY_PAGE = 2
_DELTA_STRINGS = 7
_BY_DICTIONARY = (2, 8)
_MAX_FIELDS = 1_000


class Bounds(Struct, frozen=True):
    """How a file is to be read.

    Args:
        rows: of a batch.
        wide: columns of text in which a few values may stand for many rows; they are kept as dictionaries.
    """

    rows: int
    wide: tuple[str, ...]


class _Chunk(Struct):
    """What the pages of one column in one row group claim."""

    page: int = 0
    dictionary: int = 0
    of_value: int = 1
    """Bytes that a value takes, as an average of the page where it is most."""
    longest: int = 0
    """Bytes that one value may take, where values may be much longer than they are written."""
    made: int = 0
    """Bytes that all values take."""
    is_known: bool = True
    """Whether all values are in the dictionary."""


def bounds_of(file: BinaryIO, metadata: Any, *, without: frozenset[str]) -> Bounds:
    """The bounds for a file.

    Args:
        file: its bytes.
        metadata: as pyarrow reads it.
        without: columns that are not read.

    Raises:
        SourceError: no batch of it can be sure to fit, or its pages are not where it says.
    """
    of_row = longest = 1
    made = 0
    size = file.seek(0, SEEK_END)
    wide: dict[str, bool] = {}
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        pages = values = 0
        for place in range(group.num_columns):
            column = group.column(place)
            name = column.path_in_schema
            if name.split(".")[0] in without:
                continue
            found = _chunk(file, column, name, metadata.schema.column(place).max_repetition_level > 0)
            pages += found.page + found.dictionary
            if pages > MAX_PAGES_BYTES:
                raise SourceError(
                    f"its pages unpack to over {MAX_PAGES_BYTES // MIB} MiB at a time (row group {number + 1}, up to "
                    f"column {name}); write it with smaller pages, or leave columns out with --leave-out"
                )
            if found.dictionary and column.physical_type == "BYTE_ARRAY":
                wide.setdefault(name, True)
                # Where a dictionary was given up half way, pyarrow would collect the rest of the values in it.
                wide[name] &= found.is_known
            values += found.of_value
            made += found.made
            if made > RATIO_FROM and made > size * MAX_RATIO:
                raise SourceError(
                    f"its values take over {MAX_RATIO:,} times its size ({size:,} bytes stand for {made:,}, up to "
                    f"column {name}); it is not read. If it is no bomb, write it without a dictionary for that column"
                )
            longest = max(longest, found.longest)
        of_row = max(of_row, values)
    rows = min(MAX_BATCH_ROWS, MAX_BATCH_BYTES // of_row, max(1, MAX_BATCH_BYTES // longest))
    return Bounds(max(1, rows), tuple(name for name, is_known in wide.items() if is_known))


def _chunk(file: BinaryIO, column: Any, name: str, is_list: bool) -> _Chunk:
    found = _Chunk()
    start = column.data_page_offset
    if column.dictionary_page_offset:
        start = min(start, column.dictionary_page_offset)
    place, end = start, start + column.total_compressed_size
    fixed = column.physical_type == "FIXED_LEN_BYTE_ARRAY"
    total = of_known = 0
    while place < end:
        header, length = _header(file, place, name)
        unpacked, packed = _number(header, 2, name), _number(header, 3, name)
        details = header.get(5) or header.get(8) or header.get(7) or {}
        count = max(1, _number(details, 1, name)) if isinstance(details, dict) else 1
        if header.get(1) == _DICTIONARY_PAGE:
            found.dictionary = max(found.dictionary, unpacked)
            of_known = unpacked // count
            if fixed or "." in name:
                # A few bytes for each row stand for a value of this length, and each row gets its own.
                found.of_value = max(found.of_value, unpacked // count)
        else:
            total += count
            found.page = max(found.page, unpacked)
            found.of_value = max(found.of_value, unpacked // count)
            encoding = details.get(4 if 8 in header else 2) if isinstance(details, dict) else None
            found.is_known &= encoding in _BY_DICTIONARY
            if encoding == _DELTA_STRINGS:
                # Each value may begin with all of the one before.
                found.longest = max(found.longest, unpacked)
            found.made += max(unpacked, count * of_known if encoding in _BY_DICTIONARY else 0)
        place += length + packed
    if is_list and total > MAX_LIST_VALUES:
        raise SourceError(
            f"column {name} holds {total:,} values in lists in one row group; allowed: {MAX_LIST_VALUES:,}; leave it "
            f"out with --leave-out {name.split('.')[0]}"
        )
    if not found.is_known:
        found.of_value = max(found.of_value, of_known)
    return found


def _header(file: BinaryIO, place: int, name: str) -> tuple[dict[int, Any], int]:
    size = 256
    while True:
        file.seek(place)
        data = file.read(size)
        try:
            reader = _Thrift(data)
            return reader.struct(), reader.at
        except IndexError:
            if len(data) < size or size >= _MAX_HEADER:
                raise _no_page(name, place) from None
            size *= 8
        except ValueError:
            raise _no_page(name, place) from None


def _number(fields: dict[int, Any], key: int, name: str) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or value < 0:
        raise _no_page(name, 0)
    return value


def _no_page(name: str, place: int) -> SourceError:
    return SourceError(f"not a Parquet file that can be read: no page of column {name} at byte {place}")


class _Thrift:
    """Structs in Thrift's compact protocol.

    Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0
        self._left = _MAX_FIELDS

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Its fields by number.

        Raises:
            IndexError: the data ends in it.
            ValueError: it is none.
        """
        fields: dict[int, Any] = {}
        number = 0
        while kind := self._byte():
            step = kind >> 4
            number = number + step if step else self._signed()
            fields[number] = self._value(kind & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        self._left -= 1
        if depth > 8 or self._left < 0:
            raise ValueError("too much")
        if kind in (1, 2):
            return kind == 1
        if kind == 3:
            return self._byte()
        if kind in (4, 5, 6):
            return self._signed()
        if kind == 7:
            return self._skip(8)
        if kind == 8:
            return self._skip(self._unsigned())
        if kind in (9, 10):
            sizes = self._byte()
            count = sizes >> 4 if sizes >> 4 != 15 else self._unsigned()
            return [self._value(sizes & 15, depth + 1) for _ in range(min(count, _MAX_FIELDS + 1))]
        if kind == 12:
            return self.struct(depth + 1)
        raise ValueError("no such type")

    def _skip(self, count: int) -> None:
        self.at += count
        if self.at > len(self._data):
            raise IndexError

    def _byte(self) -> int:
        value = self._data[self.at]
        self.at += 1
        return value

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("too long")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
