"""CSV and its kin: any delimiter and line end, one bad line at a time, every row counted."""

import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.readers.delimited import read_delimited, sniffed
from glue.readers.formats import Reading
from glue.readers.rows import Row, SourceError
from glue.readers.sources import Source


def rows(data: bytes, delimiter: str | None = None) -> list[Row]:
    return list(read_delimited(iter([data]), delimiter=delimiter))


def source(data: bytes, **reading: Any) -> list[Row]:
    return list(Source("x.csv", reading=Reading(**reading), opened=lambda: iter([data])).rows())


@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_and_the_line_ends_are_found_out(separator: str, end: str) -> None:
    lines = (separator.join(line) for line in (("text", "user"), ("hi, you; all", "ann"), ("a|b", "bob")))
    quoted = [line.replace("hi, you; all", '"hi, you; all"').replace("a|b", '"a|b"') for line in lines]
    found = source(end.join(quoted).encode())
    assert [row.cells for row in found] == [{"text": "hi, you; all", "user": "ann"}, {"text": "a|b", "user": "bob"}]


@pytest.mark.parametrize(
    ("given", "character"), [("semicolon", ";"), (";", ";"), ("tab", "\t"), ("\\t", "\t"), ("pipe", "|"), ("^", "^")]
)
def test_a_delimiter_can_be_said_by_character_or_name(given: str, character: str) -> None:
    data = f"text{character}user\nhi{character}ann\n".encode()
    assert source(data, delimiter=given)[0].cells == {"text": "hi", "user": "ann"}


def test_a_delimiter_of_several_characters_is_refused() -> None:
    with pytest.raises(ValueError, match="--delimiter '::'; allowed: one character"):
        Reading(delimiter="::")


def test_texts_full_of_other_delimiters_do_not_mislead() -> None:
    assert sniffed(b"text\nI said: a; b; c\nand d; e; f\n") == ","
    assert sniffed(b"created_at;text;score, in %\n2026;hello;5\n2026;bye;6\n") == ";"
    assert sniffed(b"") == ","


def test_the_line_that_tells_excel_the_delimiter_is_no_header() -> None:
    assert source(b"sep=^\r\ntext^user\r\nhi^ann\r\n")[0].cells == {"text": "hi", "user": "ann"}


def test_an_index_without_a_name_is_a_column_called_by_its_place() -> None:
    assert rows(b",text,author_id\n0,hello,ann\n")[0].cells == {"column_1": "0", "text": "hello", "author_id": "ann"}


@pytest.mark.parametrize("behind", [10, 5_000, 30_000])
def test_a_stray_quote_rejects_its_own_line_only(behind: int) -> None:
    # Sizes on both sides of the 128 KiB that a cell may have.
    data = b'text,user\nfirst,ann\n"unclosed,bob\n' + b"".join(b"row %d,cat\n" % number for number in range(behind))
    found = rows(data)
    bad = [row for row in found if row.problem is not None]
    assert [(row.number, row.raw) for row in bad] == [(3, b'"unclosed,bob')]
    assert len(found) == behind + 2
    assert [row.number for row in found] == list(range(2, behind + 4))
    assert found[-1].cells == {"text": f"row {behind - 1}", "user": "cat"}


def test_rows_behind_a_stray_quote_keep_their_own_quotes_and_line_breaks() -> None:
    data = b'text,user\n"open,ann\nplain,bob\n"two\nlines, ""quoted""",cat\n5" wide,dan\n'
    found = rows(data)
    assert [row.number for row in found if row.problem] == [2]
    assert [row.cells for row in found if not row.problem] == [
        {"text": "plain", "user": "bob"},
        {"text": 'two\nlines, "quoted"', "user": "cat"},
        {"text": '5" wide', "user": "dan"},
    ]


def test_the_end_of_a_broken_cell_does_not_pass_for_a_row() -> None:
    # The second line has two cells, and is the rest of the first one's text.
    found = rows(b'user,text\nann,"two\nlines, "oops" here"\nbob,hi\n')
    assert [row.cells for row in found if not row.problem] == [{"user": "bob", "text": "hi"}]
    assert [row.number for row in found if row.problem] == [2, 3]


def test_what_breaks_off_inside_quotes_is_read_line_by_line_and_then_said() -> None:
    def chunks() -> object:
        yield b'text,user\n"open,ann\nhi,bob\nhalf a li'
        raise SourceError("the gzip data is cut off")

    found: list[Row] = []
    source = Source("x.csv", opened=chunks)  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="cut off"):  # noqa: PT012 - the rows before the error count
        for row in source.rows():
            found.append(row)
    assert [(row.number, row.problem.reason if row.problem else None) for row in found] == [
        (2, "csv"),
        (3, None),
        (4, "cut_off"),
    ]


CELLS = st.text(st.sampled_from('ab,;"\r\n\té '), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), max_size=12))
def test_what_the_csv_module_writes_is_read_as_it_was(content: list[tuple[str, str]]) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two"), *content])
    found = rows(file.getvalue().encode(), ",")
    assert [(row.cells.get("one", ""), row.cells.get("two", "")) for row in found] == content


@given(st.lists(st.text(st.sampled_from('a",\n'), max_size=12), max_size=12))
def test_every_line_is_in_one_row_however_quotes_lie(content: list[str]) -> None:
    data = "".join(f"{line}\n" for line in ("one,two", *content)).encode()
    found = rows(data)
    lines = data.split(b"\n")
    covered: list[int] = []
    for row in found:
        covered += range(row.number, row.number + row.raw.count(b"\n") + 1)
    assert len(covered) == len(set(covered))
    blank = {number for number, line in enumerate(lines, start=1) if not line.rstrip(b"\r")}
    assert set(range(2, len(lines) + 1)) - set(covered) <= blank
