"""JSON documents: items by a path, a piece at a time, one bad item at a time."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.readers.documents import MAX_NESTED_LISTS, is_document, items_path, lists_in, read_documents
from glue.readers.formats import Reading
from glue.readers.rows import MAX_LINE_BYTES, Row, SourceError
from glue.readers.sources import Source

DISCORD = b"""{
  "guild": {"id": "1", "name": "Ann's {[\\" server"},
  "channel": {"topics": ["a", "b"]},
  "messages": [
    {"id": "7", "content": "good ] morning", "author": {"id": "u0"}},
    {"id": "8", "content": "tricky \\\\\\" } quote", "author": {"id": "u1"}}
  ],
  "messageCount": 2
}"""


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[place : place + size] for place in range(0, len(data), size))


def items(data: bytes, path: str = ".", size: int = 1 << 20) -> list[Row]:
    return list(read_documents(pieces(data, size), path=items_path(path)))


def values(rows: list[Row]) -> list[Any]:
    return [msgspec.json.decode(row.raw) for row in rows if row.problem is None]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 10_000])
def test_items_are_found_however_the_bytes_come(size: int) -> None:
    found = items(DISCORD, "messages", size)
    assert [value["content"] for value in values(found)] == ["good ] morning", 'tricky \\" } quote']
    assert [row.number for row in found] == [1, 2]
    assert found[0].raw == b'{"id": "7", "content": "good ] morning", "author": {"id": "u0"}}'


@pytest.mark.parametrize(
    ("data", "path", "expected"),
    [
        (b'[{"a":1},{"a":2}]', ".", [{"a": 1}, {"a": 2}]),
        (b'{"a":1}\n{"a":2}', ".", [{"a": 1}, {"a": 2}]),
        (b'{"a":1},\n{"a":2},\n', ".", [{"a": 1}, {"a": 2}]),
        (b'{"data":{"children":[{"data":{"a":1}},{"data":{"a":2}}]}}', "data.children.data", [{"a": 1}, {"a": 2}]),
        (b'{"data":{"children":[{"a":1}]}}', "$.data.children[*]", [{"a": 1}]),
        (b'[{"data":{"children":[{"a":1}]}},{"data":{"children":[{"a":2}]}}]', "data.children", [{"a": 1}, {"a": 2}]),
        (b'{"chats":{"list":[{"m":[{"a":1}]},{"m":[{"a":2}]}]}}', "chats.list.m", [{"a": 1}, {"a": 2}]),
        (b'{"a.b":[{"c":1}]}', "/a.b", [{"c": 1}]),
        (b'{"m\\u0061":[{"c":1}]}', "ma", [{"c": 1}]),
        (b'window.YTD.tweets.part0 = [ {"tweet":{"a":1}} ]', "tweet", [{"a": 1}]),
        (b'const posts = [{"a":1}];\n', ".", [{"a": 1}]),
        (b'{"messages":[]}', "messages", []),
        (b"", ".", []),
    ],
)  # fmt: skip
def test_a_path_leads_to_the_items_and_lists_on_the_way_need_no_step(
    data: bytes, path: str, expected: list[Any]
) -> None:
    for size in (1, 5, 1_000):
        assert values(items(data, path, size)) == expected


def test_an_item_that_is_not_json_is_rejected_alone() -> None:
    found = items(b'[{"a":1},{"a":NaN},{\'a\':1},7,null,{"a":"\xff"},{"a":2}]')
    assert [row.problem.reason if row.problem else None for row in found] == [
        *(None, "json", "json", "not_object", "not_object", "encoding", None)
    ]


def test_a_path_to_nothing_says_which_keys_there_are() -> None:
    with pytest.raises(SourceError, match=r"nothing is at posts in it; keys there: guild, channel, messages"):
        items(DISCORD, "posts")


@pytest.mark.parametrize("data", [b'[{"a":1} {"a":2}]', b'{"a":[1}', b'{"a" 1}', b"{1:2}", b"[1,,2]", b"]"])
def test_what_is_broken_between_items_ends_the_reading_with_the_place(data: bytes) -> None:
    with pytest.raises(SourceError, match=r"not JSON at byte \d+|cut off"):
        items(data, "a" if data.startswith(b"{") else ".")


def test_a_document_that_is_cut_off_gives_its_items_and_what_was_there_of_the_last() -> None:
    source = Source("x.json", reading=Reading(items="messages"), opened=lambda: iter([DISCORD[:220]]))
    found: list[Row] = []
    with pytest.raises(SourceError, match="cut off after 220 bytes"):  # noqa: PT012 - the rows before the error count
        for row in source.rows():
            found.append(row)
    assert [(row.number, row.problem.reason if row.problem else None) for row in found] == [(1, None), (2, "cut_off")]


def test_an_item_too_long_for_a_row_is_rejected_and_says_where_rows_may_be() -> None:
    data = b'{"name":"x","messages":[{"a":1}],"blob":"' + b"x" * (MAX_LINE_BYTES + 70_000) + b'"}{"a":2}'
    found = items(data)
    assert found[0].problem is not None
    assert found[0].problem.reason == "size"
    assert "--items messages" in found[0].problem.detail
    assert found[0].is_cut
    assert values(found[1:]) == [{"a": 2}]


def test_lists_without_end_are_refused() -> None:
    with pytest.raises(SourceError, match=f"nested over {MAX_NESTED_LISTS}"):
        items(b"[" * 100_000, "a")
    assert items(b"[" + b"[" * 90 + b"]" * 90 + b"]")[0].problem is not None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b'[\n{"a":1}', True),
        (b' [{"a":1}]', True),
        (b'{\n  "a": 1\n}', True),
        (b'{"messages": [\n{"a":1},', True),
        (b'{"a":1}\n{"a":2}\n', False),
        (b'{"a":1', False),
        (b'{broken,\n{"a":2}\n', False),
        (b"", False),
        (b"window.YTD.tweets.part0 = [", True),
    ],
)
def test_a_document_is_told_from_json_lines(head: bytes, expected: bool) -> None:
    assert is_document(head) is expected


@pytest.mark.parametrize("name", ["x.json", "x.jsonl", "x.ndjson"])
def test_a_list_is_read_whatever_the_file_is_called(name: str) -> None:
    source = Source(name, opened=lambda: iter([b'[\n{"a":1},\n{"a":2}\n]']))
    assert values(list(source.rows())) == [{"a": 1}, {"a": 2}]
    assert source.unit == "item"


def test_lists_of_objects_are_found_for_advice_in_a_beginning_too() -> None:
    assert lists_in(DISCORD) == ["messages"]
    assert lists_in(DISCORD[:180]) == ["messages"]
    assert lists_in(b'{"a":"[{\\"') == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(st.sampled_from('a"\\{}[],: é'), max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(st.dictionaries(st.text(max_size=4), JSON, max_size=3), max_size=6), st.integers(1, 40), st.booleans())
def test_what_was_in_the_list_comes_out_of_it(content: list[dict[str, Any]], size: int, is_pretty: bool) -> None:
    data = msgspec.json.encode({"before": JSON_BEFORE, "rows": content, "after": [[]]})
    if is_pretty:
        data = msgspec.json.format(data, indent=2)
    assert values(items(data, "rows", size)) == content


JSON_BEFORE = {"rows ": ["}]"], "x": {"rows": [1]}}


@given(st.text(st.sampled_from('{}[]",:\\a1 \n'), max_size=60), st.integers(1, 9), st.sampled_from([".", "a", "a.a"]))
def test_anything_at_all_ends_in_rows_or_in_a_source_error(text: str, size: int, path: str) -> None:
    try:
        found = items(text.encode(), path, size)
    except SourceError:
        return
    assert [row.number for row in found] == list(range(1, len(found) + 1))
