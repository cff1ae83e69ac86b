"""Rows out of files: formats, gzip, and whatever is wrong with one line."""

import gzip
import io
import os
import subprocess
import sys
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.readers.delimited import read_delimited
from glue.readers.formats import Reading
from glue.readers.json_lines import read_json_lines
from glue.readers.packing import unpack
from glue.readers.rows import KEPT_OF_LONG_LINE, MAX_LINE_BYTES, Row, SourceError, lines
from glue.readers.sources import Source


def cells(row: Row) -> dict[str, object]:
    return {
        name: msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else value
        for name, value in row.cells.items()
    }


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[place : place + size] for place in range(0, len(data), size))


@given(st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"")), max_size=10), st.integers(1, 40))
def test_lines_are_the_same_however_the_bytes_come(content: list[bytes], size: int) -> None:
    data = b"\n".join(content)
    assert b"".join(line for line, _ in lines(pieces(data, size))) == data
    assert sum(length for _, length in lines(pieces(data, size))) == len(data)


def test_a_line_without_end_is_kept_only_at_its_beginning_and_does_not_hide_the_next() -> None:
    data = b'{"a":1}\n' + b"x" * (5 * MAX_LINE_BYTES) + b'\n{"a":2}\n'
    rows = list(read_json_lines(pieces(data, 100_000)))
    assert [row.number for row in rows] == [1, 2, 3]
    assert rows[1].problem is not None
    assert rows[1].problem.reason == "size"
    assert rows[1].is_cut
    assert len(rows[1].raw) <= KEPT_OF_LONG_LINE
    assert cells(rows[2]) == {"a": 2}


def test_json_values_stay_as_they_were_written() -> None:
    [row] = read_json_lines([b'{"n": 9007199254740993, "f": 1.10, "s": "\\u00e9", "s": "last"}\r\n'])
    assert {name: bytes(value) for name, value in row.cells.items()} == {  # type: ignore[call-overload]
        "n": b"9007199254740993",
        "f": b"1.10",
        "s": b'"last"',
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "json"),
        (b"{'a':1}", "json"),
        (b'{"a":1}{"a":2}', "json"),
        (b"[1]", "not_object"),
        (b"null", "not_object"),
        (b'{"a":"\xff"}', "encoding"),
        (b"[" * 100_000, "not_object"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_read(line: bytes, reason: str) -> None:
    rows = list(read_json_lines([b'{"a":1}\n\n' + line + b'\n{"a":2}']))
    assert [row.number for row in rows] == [1, 3, 4]
    assert [cells(row) for row in rows] == [{"a": 1}, {}, {"a": 2}]
    assert rows[1].problem is not None
    assert rows[1].problem.reason == reason
    assert rows[1].raw == line


def test_csv_with_a_byte_order_mark_quoted_line_breaks_and_empty_cells() -> None:
    data = 'user,body\r\nann,"two\nlines, ""quoted"""\r\nbob,\r\n\r\n"zoë",x'.encode()
    rows = list(read_delimited(pieces(data, 3)))
    assert [(row.number, row.cells) for row in rows] == [
        (2, {"user": "ann", "body": 'two\nlines, "quoted"'}),
        (4, {"user": "bob"}),
        (6, {"user": "zoë", "body": "x"}),
    ]
    assert rows[0].raw == b'ann,"two\nlines, ""quoted"""'


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"one", "ragged"),
        (b"one,two,three", "ragged"),
        (b'"a"b,c', "csv"),
        (b"one,\xff\xfe", "encoding"),
        (b'one,"' + b"x" * 200_000 + b'"', "csv"),
    ],
)
def test_a_bad_csv_row_is_named_and_the_others_are_read(line: bytes, reason: str) -> None:
    rows = list(read_delimited(iter([b"user,body\nann,hi\n" + line + b"\nbob,ho\n"])))
    assert [row.cells for row in rows] == [{"user": "ann", "body": "hi"}, {}, {"user": "bob", "body": "ho"}]
    assert rows[1].problem is not None
    assert (rows[1].problem.reason, rows[1].raw, rows[1].number) == (reason, line, 3)


def test_a_quote_that_is_never_closed_is_a_bad_row_and_not_the_end_of_the_run() -> None:
    rows = list(read_delimited(iter([b'user,body\nann,"open\nbob,hi\n'])))
    assert [row.problem.reason for row in rows if row.problem] == ["csv"]
    assert (rows[0].raw, rows[1].cells) == (b'ann,"open', {"user": "bob", "body": "hi"})


@pytest.mark.parametrize("data", [b"", b"\n", b",\n", b"user,user\n"])
def test_csv_needs_a_header_that_names_each_column_once(data: bytes) -> None:
    with pytest.raises(SourceError, match="allowed"):
        list(read_delimited(iter([data])))


def test_tabs_separate_in_tsv(tmp_path: Path) -> None:
    file = tmp_path / "posts.tsv"
    file.write_text("user\tbody\nann\ta, b\n")
    assert [row.cells for row in Source(str(file)).rows()] == [{"user": "ann", "body": "a, b"}]


def test_gzip_is_known_by_its_bytes_and_may_have_several_members(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_bytes(gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"a":2}\n') + bytes(512))
    assert [cells(row) for row in Source(str(file)).rows()] == [{"a": 1}, {"a": 2}]


@given(st.binary(max_size=5_000), st.integers(1, 500))
def test_gunzip_gives_what_was_packed_however_it_comes(data: bytes, size: int) -> None:
    assert b"".join(unpack(pieces(gzip.compress(data), size), "gzip")) == data


def test_a_gzip_bomb_is_refused_before_ten_mebibytes(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(200)) + packer.flush()
    made = 0

    def run() -> None:
        nonlocal made
        for piece in unpack(pieces(bomb, 65_536), "gzip"):
            made += len(piece)

    with pytest.raises(SourceError, match="200 times its size"):
        run()
    assert made < 10 * 1024 * 1024


def test_gzip_that_is_cut_off_or_damaged_gives_its_rows_and_then_says_so() -> None:
    packed = gzip.compress(b"".join(b'{"a":%d}\n' % number for number in range(100_000)))
    for broken, words in (
        (packed[:-20], "cut off"),
        (packed[:-8] + b"\0" * 8, "damaged"),
        (packed + b"junk", "damaged"),
    ):
        seen = 0
        with pytest.raises(SourceError, match=words):  # noqa: PT012 - the rows before the error count
            for _ in read_json_lines(unpack(pieces(broken, 4_096), "gzip")):
                seen += 1
        assert seen > 90_000


def test_parquet_keeps_types_times_and_nan(tmp_path: Path) -> None:
    moment = datetime(2026, 3, 1, 10, tzinfo=UTC)
    table = pa.table(
        {
            "text": pa.array(["hi", None]),
            "at": pa.array([moment, moment], pa.timestamp("ns", tz="UTC")),
            "local": pa.array([moment.replace(tzinfo=None)] * 2, pa.timestamp("us")),
            "fine": pa.array([1_772_359_200_000_000_001, None], pa.timestamp("ns", tz="UTC")),
            "score": pa.array([float("nan"), 0.5]),
        }
    )
    file = tmp_path / "posts.parquet"
    pq.write_table(table, file)
    first, second = Source(str(file)).rows()
    assert first.cells == {
        "text": "hi",
        "at": moment,
        "local": moment.replace(tzinfo=None),
        "fine": "2026-03-01T10:00:00.000000001Z",
        "score": "nan",
    }
    assert (second.number, second.cells["score"], "text" in second.cells) == (2, 0.5, False)


def test_what_is_no_parquet_file_says_so(tmp_path: Path) -> None:
    file = tmp_path / "posts.parquet"
    file.write_bytes(b"PAR1 but not really")
    with pytest.raises(SourceError, match="not a Parquet file"):
        list(Source(str(file)).rows())


@pytest.mark.parametrize(
    ("name", "words"), [("missing.csv", "no such file"), (".", "a folder"), ("posts.txt", "does not say what it holds")]
)
def test_a_source_that_cannot_be_read_says_what_to_do(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "posts.txt").write_text("x")
    with pytest.raises(SourceError, match=words):
        Source(str(tmp_path / name))


def test_standard_input_is_json_lines_unless_told_and_can_be_kept_for_a_second_reading() -> None:
    with Source("-", stdin=io.BytesIO(gzip.compress(b'{"a":1}\n{"a":2}\n'))) as source:
        source.spool()
        assert [[cells(row) for row in source.rows()] for _ in range(2)] == [[{"a": 1}, {"a": 2}]] * 2
        assert source.name == "stdin"
    with pytest.raises(SourceError, match="--format"):
        Source("-", stdin=io.BytesIO(b"user,body\n"))
    assert [row.cells for row in Source("-", reading=Reading(form="csv"), stdin=io.BytesIO(b"a\n1\n")).rows()] == [
        {"a": "1"}
    ]


def test_parquet_comes_through_standard_input_too() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2]}), file)
    file.seek(0)
    with Source("-", stdin=file) as source:
        assert [row.cells for row in source.rows()] == [{"a": 1}, {"a": 2}]


def test_lines_from_a_pipe_are_rows_before_the_pipe_ends() -> None:
    read, write = os.pipe()
    with os.fdopen(read, "rb") as reading, os.fdopen(write, "wb", buffering=0) as writing:
        writing.write(b'{"a":1}\n')
        rows = Source("-", stdin=reading).rows()  # type: ignore[arg-type]
        assert cells(next(rows)) == {"a": 1}
        writing.write(b'{"a":2}\n')
        assert cells(next(rows)) == {"a": 2}


def test_reading_text_needs_no_pyarrow() -> None:
    code = "import sys, producers.mapping.datasets; sys.exit('pyarrow' in sys.modules or 'boto3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
