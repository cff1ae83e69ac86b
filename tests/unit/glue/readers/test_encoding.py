"""Text in other encodings: by its mark, or by name; what cannot be decoded spoils its own row only."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.readers.formats import Reading
from glue.readers.rows import Row, SourceError
from glue.readers.sources import Source

CSV = "text,author_id\nhélló wörld 😀,ann\nпривет,bob\n"


def read(data: bytes, size: int = 1_000, name: str = "x.csv", **reading: Any) -> list[Row]:
    chunks = [data[place : place + size] for place in range(0, len(data), size)]
    return list(Source(name, reading=Reading(**reading), opened=lambda: iter(chunks)).rows())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@given(size=st.integers(1, 30))
def test_a_byte_order_mark_says_the_encoding(encoding: str, size: int) -> None:
    found = read(CSV.encode(encoding), size)
    assert [row.cells["text"] for row in found] == ["hélló wörld 😀", "привет"]
    assert list(found[0].cells) == ["text", "author_id"]


@pytest.mark.parametrize("mark", ["\ufeff", ""])
@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le"])
def test_both_byte_orders_are_read_when_they_are_said(encoding: str, mark: str) -> None:
    data = (mark + CSV).encode(encoding)
    assert [row.cells["text"] for row in read(data, encoding=encoding)] == ["hélló wörld 😀", "привет"]
    if not mark:
        with pytest.raises(SourceError, match=f"--encoding {encoding}"):
            read(data)


def test_an_encoding_can_be_said_for_every_kind_of_text() -> None:
    assert read("text,u\nZürich,a\n".encode("latin-1"), encoding="windows-1252")[0].cells["text"] == "Zürich"
    [row] = read('{"text":"日本"}\n'.encode("shift_jis"), name="x.jsonl", encoding="shift_jis")
    assert row.raw == '{"text":"日本"}'.encode()
    [row] = read('[{"text":"é"}]'.encode("utf-16"), name="x.json")
    assert row.raw == '{"text":"é"}'.encode()


def test_bytes_that_cannot_be_decoded_reject_their_own_row() -> None:
    lone = "text,u\n".encode("utf-16") + b"\x00\xd8" + ",b\nfine,c\n".encode("utf-16-le")
    found = read(lone)
    assert [row.problem.reason if row.problem else row.cells["text"] for row in found][-1] == "fine"
    assert any(row.problem is not None and row.problem.reason == "encoding" for row in found)
    found = read(b"text,u\nbad \x81,a\nfine,b\n", encoding="windows-1252")
    assert [row.problem.reason if row.problem else None for row in found] == ["encoding", None]
    odd = "text,u\nhi,a\n".encode("utf-16") + b"x"
    assert [row.problem.reason if row.problem else None for row in read(odd)][:1] == [None]


@pytest.mark.parametrize("name", ["utf-99", "rot13", "base64", "zlib"])
def test_what_is_no_encoding_of_text_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"--encoding .* is not an encoding of text; allowed"):
        Reading(encoding=name)


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.json"])
def test_a_byte_order_mark_is_read_over_in_every_format(name: str) -> None:
    content = {"x.csv": "text,u\nhi,a\n", "x.tsv": "text\tu\nhi\ta\n"}.get(name, '{"text":"hi"}\n')
    plain, marked = read(content.encode(), name=name), read(content.encode("utf-8-sig"), 1, name=name)
    assert [list(row.cells) for row in marked] == [list(row.cells) for row in plain]
