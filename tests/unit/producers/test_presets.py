"""Presets: rows of public streams, in their own shapes, become events; what is no content is passed over."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from producers.commands.inputs import mapping_of, open_input
from producers.commands.produce_request import ProduceRequest
from producers.mapping.columns import MISSING, Cells, Condition
from producers.mapping.datasets import Dataset, PassedOver, RejectedRow
from producers.ports import OutRecord
from producers.presets import PresetError, describe, preset_names, preset_of, read_preset

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
MICROS = int(NOW * 1e6) - 5_000_000


class Read:
    """What came of a file under a preset."""

    def __init__(self, path: Path, name: str, *, shift_time: bool = False, **options: Any) -> None:
        preset = read_preset(name)
        request = ProduceRequest(**options)
        source = open_input(str(path), reading=request.reading(preset), pattern=None)
        mapping = mapping_of(request, preset, source=request.source or path.name)
        made = list(Dataset(source, mapping, now=NOW, shift_time=shift_time))
        self.rejected = [item for item in made if isinstance(item, RejectedRow)]
        self.events = [msgspec.json.decode(item.data) for item in made if isinstance(item, OutRecord)]
        self.passed_over = sum(isinstance(item, PassedOver) for item in made)


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    return path


def post(number: int = 1, **record: Any) -> dict[str, Any]:
    return {
        "did": "did:plc:ewvi7nxzyoun6zhxrhs64oiz",
        "time_us": MICROS + number,
        "kind": "commit",
        "commit": {
            "rev": f"3l3qo2vutsw{number}b",
            "operation": "create",
            "collection": "app.bsky.feed.post",
            "rkey": f"3l3qo2vuowo{number}b",
            "cid": "bafyreidwaivazkwu67xztlmuobx35hs2lnfh3kolmgfmucldvhd3sgzcqi",
            "record": {
                "$type": "app.bsky.feed.post",
                "createdAt": "2019-09-09T19:46:02.102Z",
                "langs": ["en", "pt"],
                "text": f"post {number}",
                **record,
            },
        },
    }


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    *way, last = path.split(".")
    place = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


def test_jetstream_posts_are_content_and_everything_else_is_passed_over(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "jetstream.jsonl",
        post(1),
        {"did": "did:plc:a", "time_us": MICROS, "kind": "identity", "identity": {"handle": "a.example"}},
        {"did": "did:plc:a", "time_us": MICROS, "kind": "account", "account": {"active": True}},
        changed(post(2), "commit.collection", "app.bsky.feed.like"),
        changed(changed(post(3), "commit.operation", "delete"), "commit.record", None),
        post(4, text=""),
        post(5, reply={"parent": {"uri": "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/app.bsky.feed.post/3l3qo2vuowo1b"}}),
        post(6, langs=["not a language"], embed={"$type": "app.bsky.embed.images"}),
    )
    read = Read(path, "jetstream")
    assert (len(read.events), read.passed_over, read.rejected) == (3, 5, [])
    first, reply, odd = read.events
    assert first["author_id"] == "did:plc:ewvi7nxzyoun6zhxrhs64oiz"
    assert first["created_at"] == "2026-03-01T11:59:55.000001Z"
    assert (first["text"], first["language"], first["surface"]) == ("post 1", "en", "post")
    assert first["context"] == {"operation": "create", "created_at": "2019-09-09T19:46:02.102Z"}
    assert "commit" not in first
    assert reply["parent_id"] == first["content_id"]
    assert (odd.get("language"), odd["source_language"]) == (None, "not a language")
    assert odd["context"]["embed"] == "app.bsky.embed.images"


def test_nothing_that_an_author_writes_beside_the_text_keeps_it_from_being_moderated(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "jetstream.jsonl",
        post(1, createdAt="x" * 5_000),
        post(2, createdAt={"no": "text"}, langs="en", embed=[]),
        post(3, reply={"parent": {"uri": ["a list"]}}),
        changed(post(4), "commit.rkey", "../" * 100),
    )
    read = Read(path, "jetstream")
    assert (len(read.events), read.rejected) == (4, [])
    assert read.events[0]["source_context"]["created_at"] == "x" * 5_000


def test_a_jetstream_post_has_the_same_id_in_every_file_and_an_edit_another(tmp_path: Path) -> None:
    one = Read(lines(tmp_path / "a.jsonl", post(1)), "jetstream").events[0]
    edit = changed(changed(post(1), "commit.operation", "update"), "commit.rev", "3l3qo2vutsw9b")
    other, edited = Read(lines(tmp_path / "b.jsonl", {"kind": "identity"}, post(1), edit), "jetstream").events
    assert one["event_id"] == other["event_id"] != edited["event_id"]
    assert one["content_id"] == edited["content_id"]


def test_reddit_comments_of_a_dump_and_of_goemotions(tmp_path: Path) -> None:
    created = int(NOW) - 60
    dump = {
        "id": "eebbqej",
        "author": "ann_82",
        "body": "hello",
        "created_utc": created,
        "subreddit": "askscience",
        "link_id": "t3_abc",
        "parent_id": "t1_eebbqei",
        "score": 3,
        "media": None,
    }
    path = lines(
        tmp_path / "RC.jsonl",
        dump,
        {**dump, "id": "eebbqek", "body": "[removed]"},
        {**dump, "id": "eebbqel", "author": "[deleted]", "created_utc": f"{created}"},
        {"id": "eebbqem", "text": "from a data set", "emotions": ["neutral"]},
    )
    read = Read(path, "reddit")
    assert (len(read.events), read.passed_over, read.rejected) == (3, 1, [])
    first, deleted, short = read.events
    assert (first["content_id"], first["parent_id"]) == ("t1_eebbqej", "t1_eebbqei")
    assert (first["text"], first["surface"], first["author_id"]) == ("hello", "comment", "ann_82")
    assert first["created_at"] == "2026-03-01T11:59:00.000000Z"
    assert first["context"] == {"subreddit": "askscience", "thread": "t3_abc"}
    assert first["score"] == 3
    assert deleted["author_id"].startswith("a-")
    assert (short["author_id"], short["emotions"], short["created_at"]) == (
        *("unknown", ["neutral"]),
        "2026-03-01T12:00:00.000000Z",
    )


def change(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "$schema": "/mediawiki/recentchange/1.0.0",
        "meta": {
            "id": f"b0caf18d-6c7f-4403-947d-2712bbe2861{number}",
            "dt": "2026-03-01T11:58:00.5Z",
            "domain": "en.wikipedia.org",
            "stream": "mediawiki.recentchange",
        },
        "id": 1000 + number,
        "type": "edit",
        "title": "A page",
        "comment": "typo",
        "parsedcomment": "<i>typo</i>",
        "timestamp": int(NOW) - 120,
        "user": "Ann",
        "bot": False,
        "revision": {"old": 1, "new": 2},
        "wiki": "enwiki",
        **fields,
    }


def test_wikimedia_changes_as_curl_saves_them(tmp_path: Path) -> None:
    events = [
        change(0),
        change(1, meta={**change(1)["meta"], "domain": "canary"}),
        change(2, type="categorize"),
        change(3, comment=""),
        change(4, type="log", revision=None, user="192.0.2.7"),
    ]
    path = tmp_path / "recentchange.log"
    path.write_text(
        ":ok\n\n" + "".join(f"event: message\nid: [{{}}]\ndata: {json.dumps(event)}\n\n" for event in events)
    )
    read = Read(path, "wikimedia")
    assert (len(read.events), read.passed_over, read.rejected) == (2, 3, [])
    first, log = read.events
    assert first["event_id"] == "b0caf18d-6c7f-4403-947d-2712bbe28610"
    assert (first["content_id"], log["content_id"]) == ("enwiki:2", "enwiki:1004")
    assert first["created_at"] == "2026-03-01T11:58:00.500000Z"
    assert first["context"] == {"wiki": "enwiki", "title": "A page", "kind": "edit"}
    assert (first["text"], first["surface"], first["bot"]) == ("typo", "edit", False)
    assert log["author_id"].startswith("a-")
    assert not {"meta", "parsedcomment", "$schema"} & set(first)


CHAT = """\
--- Log opened Mon Mar 01 10:00:00 2004
10:00 -!- ann [~ann@host.example] has joined #ubuntu
10:01 <@ann> hello <b>you</b>
10:02  * bob waves at ann
10:03 < carl>
[10:04] <dave> with brackets
23:59 <ann> late
00:01 <ann> past midnight
--- Day changed Wed Mar 03 2004
08:00 <ann> third day
no line of a log
=== eve [n=eve@host.example] has left #ubuntu []
"""


def test_a_plain_text_log_becomes_messages_with_their_days(tmp_path: Path) -> None:
    path = tmp_path / "#ubuntu.log"
    path.write_text(CHAT)
    read = Read(path, "irc", shift_time=True)
    assert [event["text"] for event in read.events] == [
        *("hello <b>you</b>", "waves at ann", "with brackets", "late", "past midnight", "third day")
    ]
    assert [event["source_created_at"][:16] for event in read.events] == [
        *("2004-03-01T10:01", "2004-03-01T10:02", "2004-03-01T10:04", "2004-03-01T23:59", "2004-03-02T00:01"),
        "2004-03-03T08:00",
    ]
    assert [event["author_id"] for event in read.events][:3] == ["ann", "bob", "dave"]
    assert {event["context"]["channel"] for event in read.events} == {"#ubuntu"}
    assert [event["context"]["kind"] for event in read.events].count("action") == 1
    assert [(row.line, row.reason) for row in read.rejected] == [(11, "chat_line")]
    # What opens the log or a day, who joins or leaves, and the empty message.
    assert read.passed_over == 5
    assert len({event["event_id"] for event in read.events}) == 6


def test_a_log_without_any_day_gets_now_and_keeps_its_clock(tmp_path: Path) -> None:
    path = tmp_path / "chat.txt"
    path.write_text("[12:18] <nick> text\n2021-03-29 13:16:36\t@weechat\twith tabs\n")
    first, second = Read(path, "irc", maps=("created_at=",)).events
    assert (first["clock"], first["created_at"]) == ("12:18", "2026-03-01T12:00:00.000000Z")
    assert (second["author_id"], second["text"], second["ts"]) == ("weechat", "with tabs", "2021-03-29T13:16:36")


def test_options_count_more_than_the_preset(tmp_path: Path) -> None:
    path = lines(tmp_path / "RC.jsonl", {"id": "a", "body": "x", "author": "ann", "who": "bob", "place": "board"})
    one = Read(
        path, "reddit", maps=("author_id=who", "surface=place"), sets=("text=fixed",), defaults=("language=en",)
    ).events[0]
    assert (one["author_id"], one["surface"], one["text"], one["language"]) == ("bob", "board", "fixed", "en")
    named = Read(path, "reddit", source="mine").events[0]
    assert named["event_id"] != one["event_id"]


@pytest.mark.parametrize("name", preset_names())
def test_each_preset_is_whole_and_told_of(name: str) -> None:
    preset = read_preset(name)
    assert "--preset " + name in preset.example
    assert preset.sources
    assert preset.namespace
    told = describe()
    assert f"{name}: {preset.title}" in told
    assert max(map(len, preset.about.splitlines())) <= 120


@pytest.mark.parametrize("text", ["title = 1", "no toml", 'title = "t"\nunknown = 1'])
def test_a_preset_that_says_what_none_knows_is_refused(text: str) -> None:
    with pytest.raises(PresetError):
        preset_of(text)


def test_an_unknown_preset_names_those_that_there_are() -> None:
    with pytest.raises(PresetError, match="allowed: irc, jetstream, reddit, wikimedia"):
        read_preset("../../glue/x")


def test_values_lie_in_columns_paths_templates_and_the_first_that_holds_something() -> None:
    cells = Cells({"a": {"b": [{"c": 1}]}, "x.y": "dotted", "n": 5, "empty": "", "none": None})
    assert cells.find("a.b.0.c") == 1
    assert cells.find("x.y") == "dotted"
    assert cells.find("{n}/{a.b.0.c}") == "5/1"
    assert cells.find(("none", "empty", "n")) == 5
    assert cells.find(("empty", "gone")) == ""
    gone = ("a.b.1", "a.b.-1", "a.b.x", "a.c", "z", "z.y", "", "{z}", "{n}{z}", "{a}", "{}", "{empty}")
    assert [place for place in gone if cells.find(place) is not MISSING] == []


@pytest.mark.parametrize(
    ("condition", "row", "holds"),
    [
        (Condition("k", is_in=("a",)), {"k": "a"}, True),
        (Condition("k", is_in=("a",)), {"k": msgspec.Raw(b'"b"')}, False),
        (Condition("k", is_in=("true", "7")), {"k": msgspec.Raw(b"true")}, True),
        (Condition("k", is_in=("7",)), {"k": 7}, True),
        (Condition("k", is_not=("",)), {"k": ""}, False),
        (Condition("k", is_not=("",)), {}, False),
        (Condition("k", is_not=("",), or_missing=True), {"k": None}, True),
    ],
)
def test_a_condition_compares_as_text(condition: Condition, row: dict[str, object], holds: bool) -> None:
    assert condition.holds(Cells(row)) is holds
