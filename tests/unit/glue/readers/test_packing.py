"""Packed data by its first bytes: unpacked, or named; damaged and hostile data end in one line."""

import bz2
import gzip
import io
import lzma
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.readers.packing import RATIO_FROM, packing_of, unpack, unpacked
from glue.readers.rows import SourceError
from glue.readers.sources import Source

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd.compress,
}
ROWS = b"".join(b'{"text":"row %d","author_id":"ann"}\n' % number for number in range(20_000))


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[place : place + size] for place in range(0, len(data), size))


@pytest.mark.parametrize("suffix", PACKERS)
@given(data=st.binary(max_size=3_000), size=st.integers(1, 400))
def test_what_was_packed_comes_out_however_the_bytes_come(suffix: str, data: bytes, size: int) -> None:
    packed = PACKERS[suffix](data)
    assert b"".join(unpack(pieces(packed, size), packing_of(packed) or "")) == data


@pytest.mark.parametrize("suffix", PACKERS)
def test_the_name_may_say_anything_and_there_may_be_several_members(suffix: str, tmp_path: Path) -> None:
    pack = PACKERS[suffix]
    for name in (f"posts.jsonl{suffix}", "posts.jsonl", "posts.jsonl.gz"):
        file = tmp_path / name
        file.write_bytes(pack(ROWS[: len(ROWS) // 2]) + pack(ROWS[len(ROWS) // 2 :]))
        assert sum(row.problem is None for row in Source(str(file)).rows()) == 20_000


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("how", ["cut", "changed", "junk behind"])
def test_damaged_data_gives_what_it_can_and_ends_in_one_line(suffix: str, how: str) -> None:
    packed = PACKERS[suffix](ROWS)
    broken = {
        "cut": packed[: len(packed) // 2],
        "changed": packed[: len(packed) // 2] + bytes(40) + packed[len(packed) // 2 + 40 :],
        "junk behind": packed + b"this is no member",
    }[how]
    with pytest.raises(SourceError, match=r"damaged|cut off") as caught:
        list(unpacked(pieces(broken, 10_000)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_bomb_is_refused_before_ten_mebibytes(suffix: str) -> None:
    bomb = PACKERS[suffix](bytes(60 * 1024 * 1024))
    made = 0
    with pytest.raises(SourceError, match="200 times its size"):  # noqa: PT012 - what came before the error counts
        for piece in unpacked(pieces(bomb, 65_536)):
            made += len(piece)
    assert RATIO_FROM / 2 < made < 10 * 1024 * 1024


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_file_of_one_line_over_and_over_is_no_bomb(suffix: str) -> None:
    rows = b"hello,ann\n" * 500_000
    assert sum(map(len, unpacked(pieces(PACKERS[suffix](rows), 65_536)))) == len(rows)


def archive(kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr(zipfile.ZipInfo("a.csv"), "text\nhi\n")
    else:
        with tarfile.open(fileobj=file, mode="w") as tape:
            member = tarfile.TarInfo("a.csv")
            tape.addfile(member, io.BytesIO(b""))
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (archive("zip"), "zip archive"),
        (archive("tar"), "tar archive"),
        (gzip.compress(archive("tar"), mtime=0), "tar archive"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(40), "7z archive"),
        (b"Rar!\x1a\x07\x00", "RAR archive"),
        (b"\x04\x22\x4d\x18" + bytes(40), "lz4"),
        (b"Obj\x01" + bytes(40), "Avro"),
        (b"SQLite format 3\x00" + bytes(40), "SQLite"),
        (b"%PDF-1.7\n", "PDF"),
    ],
)
def test_what_cannot_be_read_is_named_and_what_to_do_is_said(data: bytes, named: str) -> None:
    with pytest.raises(SourceError, match=f"it is .*{named}.*;"):
        list(unpacked(iter([data])))


def test_data_that_needs_too_much_memory_to_unpack_is_refused_by_its_own_option() -> None:
    compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 28})
    wide = compressor.compress(ROWS) + compressor.flush()
    with pytest.raises(SourceError, match="--long=31"):
        list(unpacked(iter([wide])))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 512 * 1024 * 1024}]
    with pytest.raises(SourceError, match="MiB to unpack"):
        list(unpacked(iter([lzma.compress(b"x", filters=filters)])))


def test_packed_twice_is_read_and_three_times_is_refused() -> None:
    twice = gzip.compress(bz2.compress(ROWS))
    assert b"".join(unpacked(iter([twice]))) == ROWS
    with pytest.raises(SourceError, match="three times"):
        list(unpacked(iter([gzip.compress(twice, mtime=0)])))


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_standard_input_is_known_by_what_is_inside(suffix: str) -> None:
    class Input(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 1, 5_000))

    with Source("-", stdin=Input(PACKERS[suffix](ROWS))) as source:
        assert sum(row.problem is None for row in source.rows()) == 20_000
    damaged = PACKERS[suffix](ROWS)[:40] + b"!" * 40
    with pytest.raises(SourceError, match=r"damaged|cut off"):
        list(Source("-", stdin=Input(damaged)).rows())
