"""Texts out of files, the same for every command: formats, marks, standard input, and rows that are none."""

import io

import pytest

from glue.readers.formats import Reading
from glue.readers.rows import SourceError
from glue.readers.sources import Source
from glue.readers.texts import Texts


def texts(data: bytes, name: str = "x.csv", column: str = "text") -> Texts:
    return Texts(Source(name, opened=lambda: iter([data])), column)


def test_language_and_surface_come_along_and_a_byte_order_mark_is_read_over() -> None:
    data = "\ufefftext,lang,surface\nhallo,de,forum\nhello,,\n".encode()
    assert list(texts(data)) == [("hallo", "de", "forum"), ("hello", None, "comment")]
    assert list(texts(b'{"text":"a","language":"fr"}\n', "x.jsonl")) == [("a", "fr", "comment")]


def test_standard_input_is_a_file_like_any_other() -> None:
    source = Source("-", reading=Reading(form="csv"), stdin=io.BytesIO(b"text;label\nhi;1\n"))
    assert list(Texts(source, "text")) == [("hi", None, "comment")]


def test_rows_that_are_no_text_are_counted_and_left_out() -> None:
    found = texts(b'{"text":"a"}\nbroken\n{"text":""}\n{"other":1}\n{"text":7}\n', "x.jsonl")
    assert list(found) == [("a", None, "comment")]
    assert (found.rows, found.unreadable, found.empty) == (5, 1, 3)


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"", "x.jsonl", "has no rows"),
        (b"broken\n", "x.jsonl", "none of its 1 rows can be read; line 1: json"),
        (b"body,label\nhi,1\n", "x.csv", "no row has a column 'text'; columns there: body, label"),
    ],
)
def test_a_file_without_the_texts_says_why(data: bytes, name: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        list(texts(data, name))
