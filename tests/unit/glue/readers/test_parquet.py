"""Other people's Parquet files: every row a row or a named rejection, in bounded memory whatever the file claims."""

import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from glue.readers import parquet_pages
from glue.readers.parquet import read_parquet
from glue.readers.parquet_pages import bounds_of
from glue.readers.rows import Row, SourceError
from glue.readers.sources import Source


def packed(table: Any, **options: Any) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    file.seek(0)
    return file


def rows(table: Any, leave_out: frozenset[str] = frozenset(), **options: Any) -> list[Row]:
    return list(read_parquet(packed(table, **options), leave_out=leave_out))


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(6)])
@pytest.mark.parametrize("use_dictionary", [True, False])
def test_bytes_that_are_utf_8_are_text_and_others_reject_their_row(kind: Any, use_dictionary: bool) -> None:
    values = pa.array(["héllo".encode(), b"\xff\xfe\xfd\xfc\xfb\xfa", b"second"], kind)
    first, second, third = rows(pa.table({"text": values, "n": [1, 2, 3]}), use_dictionary=use_dictionary)
    assert (first.cells, third.cells) == ({"text": "héllo", "n": 1}, {"text": "second", "n": 3})
    assert second.problem is not None
    assert second.problem.reason == "encoding"
    assert "column text" in second.problem.detail
    assert msgspec.json.decode(second.raw)["n"] == 2


def test_bytes_inside_lists_and_structs_are_text_too_and_an_image_can_be_left_out() -> None:
    table = pa.table(
        {
            "text": ["hi", "ho"],
            "user": pa.array([{"name": b"ann"}, {"name": b"\xff"}], pa.struct([("name", pa.binary())])),
            "tags": pa.array([[b"a", b"b"], []], pa.list_(pa.binary())),
            "image": [b"\x89PNG\r\n", b"\x89PNG\r\n"],
        }
    )
    assert [row.problem.reason if row.problem else None for row in rows(table)] == ["encoding", "encoding"]
    first, second = rows(table, frozenset({"image"}))
    assert first.cells == {"text": "hi", "user": {"name": "ann"}, "tags": ["a", "b"]}
    assert second.problem is not None


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_a_time_that_no_calendar_has_rejects_its_row_only(unit: str) -> None:
    times = pa.array(
        [0, 2**62 if unit == "us" else 2**50, -(2**51 if unit == "s" else 2**58), None], pa.timestamp(unit)
    )
    found = rows(pa.table({"text": ["a", "b", "c", "d"], "at": times}))
    assert [row.problem.reason if row.problem else None for row in found] == [None, "time_range", "time_range", None]
    assert found[0].cells["at"] == datetime(1970, 1, 1)
    assert "at" not in found[3].cells


def test_a_far_date_or_a_fine_duration_rejects_its_row_only() -> None:
    days = pa.array([0, 2**30], pa.date32())
    spans = pa.array([1, None], pa.duration("ns"))
    found = rows(pa.table({"text": ["a", "b"], "day": days}))
    assert found[0].cells["day"] == date(1970, 1, 1)
    assert [row.problem is not None for row in found] == [False, True]
    assert len(rows(pa.table({"text": ["a", "b"], "span": spans}))) == 2


def test_int96_times_keep_their_year_and_reject_what_has_none() -> None:
    nanoseconds = np.array([0, 1], dtype="datetime64[ns]")
    file = packed(pa.table({"at": nanoseconds}), use_deprecated_int96_timestamps=True, use_dictionary=False,
                  compression="none")  # fmt: skip
    data = bytearray(file.getvalue())
    # Twelve bytes: nanoseconds of the day, then the Julian day; 1970-01-01 is 2,440,588.
    at = data.index((2_440_588).to_bytes(4, "little")) - 8
    data[at : at + 12] = bytes(8) + (5_373_484).to_bytes(4, "little")
    data[at + 12 : at + 24] = bytes(8) + (2_000_000_000).to_bytes(4, "little")
    first, second = read_parquet(io.BytesIO(bytes(data)))
    assert first.cells["at"] == datetime(9999, 12, 31)
    assert second.problem is not None
    assert second.problem.reason == "time_range"


def test_two_columns_of_one_name_are_refused_at_every_level() -> None:
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    with pytest.raises(SourceError, match="it names text more than once"):
        rows(twice)
    kind = pa.struct([("a", pa.int64()), ("a", pa.int64())])
    inner = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], fields=list(kind))
    with pytest.raises(SourceError, match="more than once inside user"):
        rows(pa.table({"user": inner}))


def test_a_page_with_a_wrong_checksum_is_not_read_and_the_rest_is_counted() -> None:
    file = packed(
        pa.table({"text": [f"row {number:05d}" for number in range(9_000)]}),
        write_page_checksum=True, compression="none", use_dictionary=False, row_group_size=4_500,
    )  # fmt: skip
    data = bytearray(file.getvalue())
    data[data.index(b"row 07000") + 4] ^= 1
    seen = 0
    with pytest.raises(SourceError, match=r"damaged: .*of its 9,000 rows were not read"):  # noqa: PT012
        for _ in read_parquet(io.BytesIO(bytes(data))):
            seen += 1
    assert 4_500 <= seen < 7_001


def test_text_of_many_rows_in_one_dictionary_is_read_whole() -> None:
    texts = ["x" * 40_000, "y" * 40_000]
    found = rows(pa.table({"text": [texts[number % 2] for number in range(50)], "user": ["é"] * 50}))
    assert [row.cells["text"] for row in found] == [texts[number % 2] for number in range(50)]


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        (lambda: pa.table({"text": ["x" * 100_000] * 3_000}), {"compression": "zstd"}, "1,000 times its size"),
        (lambda: pa.table({"f": pa.array([b"y" * 100_000] * 3_000, pa.binary(100_000))}), {}, "1,000 times its size"),
        (
            lambda: pa.table({"text": [f"{number:07d}" * 9_000 for number in range(900)]}),
            {"use_dictionary": False, "data_page_size": 1 << 30, "compression": "zstd"},
            "unpack to over 36 MiB at a time",
        ),
        (lambda: pa.table({"l": pa.array([[0] * 4_100_000])}), {}, "holds 4,100,000 values in lists"),
    ],
)
def test_a_small_file_that_claims_much_is_refused_before_it_is_unpacked(
    table: Any, options: dict[str, Any], words: str
) -> None:
    file = packed(table(), **options)
    before = pa.total_allocated_bytes()
    with pytest.raises(SourceError, match=words):
        next(iter(read_parquet(file)))
    assert pa.total_allocated_bytes() - before < 1024 * 1024


@pytest.mark.parametrize(
    ("table", "options", "most"),
    [
        (lambda: pa.table({"text": ["x" * 20_000] * 2_000}), {"use_dictionary": False}, 450),
        (
            lambda: pa.table({"text": ["z" * 100_000 + str(number) for number in range(100)]}),
            {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}},
            100,
        ),
        (lambda: pa.table({"s": pa.array([{"t": "q" * 200_000}] * 90)}), {}, 45),
        (lambda: pa.table({"n": list(range(10_000))}), {}, 2_000),
    ],
)
def test_the_longer_the_values_the_smaller_the_batches(table: Any, options: dict[str, Any], most: int) -> None:
    file = packed(table(), **options)
    assert 1 <= bounds_of(file, pq.ParquetFile(file).metadata, without=frozenset()).rows <= most


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_both_kinds_of_pages_are_measured_whatever_packs_them(version: str, compression: str) -> None:
    table = pa.table({"text": [f"row {number}" for number in range(5_000)], "l": [[1, 2]] * 5_000})
    found = rows(table, data_page_version=version, compression=compression, data_page_size=1_000)
    assert [row.cells["text"] for row in found] == [f"row {number}" for number in range(5_000)]


def test_bytes_changed_anywhere_end_in_rows_or_in_a_source_error() -> None:
    whole = packed(pa.table({"text": ["a", "b", "c"], "at": [datetime(2026, 1, 1, tzinfo=UTC)] * 3})).getvalue()
    for place in range(0, len(whole), 3):
        data = bytearray(whole)
        data[place] ^= 0x55
        try:
            found = list(read_parquet(io.BytesIO(bytes(data))))
        except SourceError:
            continue
        assert len(found) <= 3
    for length in range(0, len(whole), 7):
        with pytest.raises(SourceError):
            list(read_parquet(io.BytesIO(whole[:length])))


def test_limits_are_below_what_the_project_promises() -> None:
    # A page may be there packed, unpacked, as Arrow's array and as Python's strings.
    assert 4 * parquet_pages.MAX_PAGES_BYTES + 4 * parquet_pages.MAX_BATCH_BYTES <= 256 * 1024 * 1024


def test_a_column_that_is_left_out_is_not_even_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    table = pa.table({"text": ["hi"], "l": pa.array([[0] * 4_100_000])})
    file.write_bytes(packed(table).getvalue())
    from glue.readers.formats import Reading

    [row] = Source(str(file), reading=Reading(leave_out=frozenset({"l"}))).rows()
    assert row.cells == {"text": "hi"}
