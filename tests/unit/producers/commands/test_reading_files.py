"""What users' files become: exports of the services they come from, and every way in which a file can be wrong."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glue.readers.rows import SourceError
from glue.readers.sources import Source
from glue.terminal.signals import Stop
from producers.commands.production import Rejects, produce
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.mapping.columns import Condition
from producers.mapping.datasets import Dataset
from producers.mapping.fields import Mapping
from tests.fakes.desk import Desk, account
from tests.fakes.stream import FakeStream, VirtualClock

NOW = 1_796_036_400.0  # 2026-11-30T11:00:00Z


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    for name in ("STREAMKEEPER_STREAM", "STREAMKEEPER_STACK", "STREAMKEEPER_PSEUDONYM_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Desk(NOW)


def parquet(**columns: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


# Exports


DISCORD = {
    "guild": {"id": "1", "name": "Server"},
    "channel": {"id": "2", "name": "general"},
    "messages": [
        {"id": "10", "timestamp": "2026-11-30T09:50:00.123+00:00", "content": "good morning", "author": {"id": "20"}},
        {"id": "11", "timestamp": "2026-11-30T09:51:00.123+00:00", "content": "you idiot", "author": {"id": "21"}},
    ],
    "messageCount": 2,
}
SLACK = [
    {"type": "message", "user": "U1", "text": "good morning", "ts": "1796032200.123456"},
    {"type": "message", "user": "U2", "text": "you idiot", "ts": "1796032201.123456", "blocks": [{"elements": []}]},
]
TELEGRAM = {
    "name": "Group",
    "type": "private_supergroup",
    "messages": [
        {"id": 1, "date_unixtime": "1796032200", "from_id": "user1", "text": "good morning"},
        {
            "id": 2,
            "date_unixtime": "1796032260",
            "from_id": "user2",
            "text": ["you ", {"type": "bold", "text": "idiot"}],
        },
    ],
}  # fmt: skip
TWITCH = {
    "streamer": {"name": "x"},
    "comments": [
        {
            "_id": "a",
            "created_at": "2026-11-30T09:50:00.1Z",
            "commenter": {"name": "ann"},
            "message": {"body": "good morning", "fragments": [{"text": "good "}, {"text": "morning"}]},
        },
        {
            "_id": "b",
            "created_at": "2026-11-30T09:51:00.1Z",
            "commenter": {"name": "bob"},
            "message": {"body": "you idiot", "fragments": [{"text": "you idiot"}]},
        },
    ],
}
REDDIT = [
    {"kind": "Listing", "data": {"children": [{"kind": "t3", "data": {"id": "p", "author": "x", "selftext": "post"}}]}},
    {
        "kind": "Listing",
        "data": {
            "children": [
                {"kind": "t1", "data": {"id": "c", "author": "a", "body": "good morning", "created_utc": 1796032200.0}},
                {"kind": "t1", "data": {"id": "c2", "author": "b", "body": "you idiot", "created_utc": 1796032201.0}},
            ]
        },
    },
]  # fmt: skip
TWITTER = "window.YTD.tweets.part0 = " + json.dumps(
    [
        {"tweet": {"id_str": "1", "full_text": "good morning", "created_at": "Mon Nov 30 09:50:00 +0000 2026"}},
        {"tweet": {"id_str": "2", "full_text": "you idiot", "created_at": "Mon Nov 30 09:51:00 +0000 2026"}},
    ],
    indent=2,
)
YOUTUBE_CSV = (
    "Comment ID,Channel ID,Comment Create Timestamp,Comment Text\n"
    '1,UC1,2026-11-30T09:50:00.123456+00:00,"{""text"":""good morning""}"\n'
    '2,UC2,2026-11-30T09:51:00.123456+00:00,"{""text"":""you idiot""}"\n'
)
AT = "2026-11-30T09:50:00Z"
MASTODON = {
    "@context": ["https://www.w3.org/ns/activitystreams", {"Emoji": "toot:Emoji"}],
    "orderedItems": [
        {"actor": "https://m.example/a", "published": AT, "object": {"content": "good morning"}},
        {"actor": "https://m.example/b", "published": AT, "object": {"content": "you idiot"}},
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        (
            "discord.json", DISCORD,
            "--items messages --map text=content --map author_id=author.id --map created_at=timestamp",
        ),
        ("2026-11-30.json", SLACK, "--map author_id=user --map created_at=ts --time-unit s"),
        (
            "result.json", TELEGRAM,
            "--items messages --map text=text[] --map author_id=from_id --map created_at=date_unixtime --time-unit s",
        ),
        ("twitch.json", TWITCH, "--items comments --map text=message.body --map author_id=commenter.name"),
        ("twitch.json", TWITCH, "--items comments --map text=message.fragments[].text --map author_id=commenter.name"),
        ("tweets.js", TWITTER, "--items tweet --map text=full_text --default author_id=me"),
        (
            "outbox.json", MASTODON,
            "--items orderedItems --map text=object.content --map author_id=actor --map created_at=published",
        ),
        (
            "comments.csv", YOUTUBE_CSV,
            "--map text=Comment\u00a0Text --map author_id=Channel\u00a0ID "
            "--map created_at=Comment\u00a0Create\u00a0Timestamp",
        ),
    ],
)  # fmt: skip
def test_exports_of_services_are_read_as_they_are(desk: Desk, name: str, content: Any, options: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content, indent=2 if name != "twitch.json" else None)
    desk.write(name, text)
    result = desk.run("--from", name, *(part.replace("\u00a0", " ") for part in options.split(" ")), "--json")
    assert (result.exit_code, account(result)["accepted"]) == (0, 2), result.output
    texts = desk.texts()
    assert texts in (["good morning", "you idiot"], ['{"text":"good morning"}', '{"text":"you idiot"}'])


def test_reddit_s_own_listings_are_read_by_the_path_to_the_comments(desk: Desk) -> None:
    desk.write("thread.json", json.dumps(REDDIT))
    result = desk.run(
        "--from", "thread.json", "--items", "data.children.data", "--map", "text=body", "--map", "author_id=author",
        "--map", "created_at=created_utc", "--time-unit", "s", "--json",
    )  # fmt: skip
    assert (account(result)["accepted"], account(result)["reasons"]) == (2, {"missing:text": 1})


@pytest.mark.parametrize("is_pretty", [True, False])
def test_a_document_without_a_path_says_where_its_rows_may_be(desk: Desk, is_pretty: bool) -> None:
    desk.write("discord.json", json.dumps(DISCORD, indent=2 if is_pretty else None))
    result = desk.run("--from", "discord.json", "--map", "text=content")
    assert result.exit_code == 1
    assert "1 read from discord.json" in result.output
    assert "say --items messages" in result.output
    wrong = desk.run("--from", "discord.json", "--items", "posts")
    assert wrong.exit_code == 1
    assert "nothing is at posts in it; keys there: guild, channel, messages, messageCount" in wrong.output


def test_text_in_pieces_says_how_to_join_it(desk: Desk) -> None:
    desk.write("a.jsonl", '{"text":["you ",{"type":"bold","text":"idiot"}],"author_id":"a"}\n')
    assert "--map 'text=text[]'" in desk.run("--from", "a.jsonl").output
    assert desk.run("--from", "a.jsonl", "--map", "text=text[]").exit_code == 0
    assert desk.texts() == ["you idiot"]


# Forms of files


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "|", "\t"])
def test_packing_encoding_and_delimiter_are_found_out_together(
    desk: Desk, pack: Any, encoding: str, separator: str
) -> None:
    text = f"text{separator}author_id\nhéllo{separator}ann\nbye{separator}bob\n"
    desk.write("posts.csv", pack(text.encode(encoding)))
    assert desk.run("--from", "posts.csv").exit_code == 0
    assert desk.texts() == ["bye", "héllo"]


def test_a_zip_file_is_refused_by_name(desk: Desk) -> None:
    desk.write("posts.csv", b"PK\x03\x04" + bytes(60))
    result = desk.run("--from", "posts.csv")
    assert result.exit_code == 1
    assert "nothing was read: it is a zip archive" in result.output
    assert "unzip it" in result.output


def test_a_server_sent_event_is_joined_up_to_its_blank_line(desk: Desk) -> None:
    body = b'\xef\xbb\xbfevent: update\r\ndata: {"text":"you idiot",\r\ndata: "author_id":"ann"}\r\n\r\n'
    body += b": beat\r\n\r\ndata\r\n\r\n"
    for end in (b"\r\n", b"\n", b"\r"):
        desk.write("live.sse", body.replace(b"\r\n", end) + b'data:{"text":"last","author_id":"bob"}')
        result = desk.run("--from", "live.sse", "--format", "sse", "--json")
        assert (result.exit_code, account(result)["read"]) == (0, 2), result.output
    assert set(desk.texts()) == {"you idiot", "last"}


@pytest.mark.parametrize("body", [b'{"text":"a","author_id":"u"}\n', b"text,author_id\na,u\n", b"\x00\xff\n:beat\n"])
def test_what_is_no_server_sent_stream_is_not_taken_for_one_without_events(desk: Desk, body: bytes) -> None:
    desk.write("live.sse", body)
    result = desk.run("--from", "live.sse", "--format", "sse")
    assert (result.exit_code, "no server-sent event in it, line 1" in result.output) == (1, True), result.output
    desk.write("live.sse", b": beat\n\nretry: 5\nevent\n\n")
    assert desk.run("--from", "live.sse", "--format", "sse").exit_code == 0


def test_bytes_in_parquet_are_text_and_what_is_no_text_is_named(desk: Desk) -> None:
    desk.write(
        "posts.parquet", parquet(text=[b"you idiot", b"\xff\xfe"], author_id=["a", "b"], image=[b"\x89", b"\x89"])
    )
    assert account(desk.run("--from", "posts.parquet", "--json"))["reasons"] == {"encoding": 2}
    found = account(desk.run("--from", "posts.parquet", "--leave-out", "image", "--json"))
    assert (found["accepted"], found["reasons"]) == (1, {"encoding": 1})
    assert desk.texts() == ["you idiot"]


# Columns and times


def test_a_column_that_is_not_there_is_named_with_those_that_are(desk: Desk) -> None:
    desk.write("posts.csv", "body,author_id,when\nhello,ann,x\n")
    result = desk.run("--from", "posts.csv", "--map", "text=bdy", "--json")
    hints = account(result)["hints"]
    assert hints == [
        "no row has a value in column bdy (--map text=bdy); columns there: body, author_id, when; "
        "did you mean --map text=body?"
    ]
    optional = desk.run("--from", "posts.csv", "--map", "text=body", "--map", "context.x=nope")
    assert optional.exit_code == 0
    assert "no row has a value in column nope" in optional.output


def test_a_column_can_be_left_out(desk: Desk) -> None:
    desk.write("a.jsonl", '{"text":"t","author_id":"a","secret":"s","kept":1}\n')
    assert desk.run("--from", "a.jsonl", "--leave-out", "secret").exit_code == 0
    [event] = desk.events()
    assert (event.get("secret"), event["kept"]) == (None, 1)


def test_many_keys_in_many_objects_are_no_reason_to_reject(desk: Desk) -> None:
    images = [{"u": number, "w": 1, "h": 2} for number in range(300)]
    many = {f"k{number}": 1 for number in range(300)}
    rows = [{"text": "a", "author_id": "x", "preview": images}, {"text": "b", "author_id": "x", "preview": many}]
    desk.write("a.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    assert account(desk.run("--from", "a.jsonl", "--json"))["reasons"] == {"keys": 1}
    assert account(desk.run("--from", "a.jsonl", "--leave-out", "preview", "--json"))["accepted"] == 2


def test_a_surface_that_lands_as_other_is_said(desk: Desk) -> None:
    desk.write("a.csv", "text,author_id,surface\nhi,ann,My Forum\nho,bob,forum\nhu,cat,My Forum\n")
    result = desk.run("--from", "a.csv", "--json")
    assert account(result)["other_surfaces"] == {"My Forum": 2}
    assert "My Forum 2" in desk.run("--from", "a.csv").output
    desk.write("b.csv", "text,author_id,surface\n" + "".join(f"hi,ann,No {number}\n" for number in range(500)))
    assert len(account(desk.run("--from", "b.csv", "--json"))["other_surfaces"]) == 10


def test_times_finer_than_a_microsecond_are_cut_and_that_is_said(desk: Desk) -> None:
    desk.write("a.jsonl", '{"text":"t","author_id":"x","created_at":"2026-11-30T09:50:00.123456789Z"}\n')
    result = desk.run("--from", "a.jsonl")
    assert result.exit_code == 0
    assert "1 times were finer than a microsecond and were cut" in result.output
    [event] = desk.events()
    assert event["created_at"] == "2026-11-30T09:50:00.123456Z"
    assert event["source_created_at_uncut"] == "2026-11-30T09:50:00.123456789Z"
    assert account(desk.run("--from", "a.jsonl", "--json"))["cut_times"] == 1


def test_rows_without_a_time_are_counted_and_how_to_send_the_same_again_is_said(desk: Desk) -> None:
    desk.write("a.csv", "text,author_id,created_at\nhi,ann,\nho,bob,2026-11-30T09:50:00Z\n")
    result = desk.run("--from", "a.csv")
    assert result.exit_code == 0
    assert "1 rows have no time: their events have that of this run" in result.output
    again = result.output.splitlines()[-1].partition("the same command with ")[2].split()
    assert again[0] == "--as-of"
    first = desk.events()
    assert desk.run("--from", "a.csv", *again).exit_code == 0
    assert desk.events()[len(first) :] == first
    assert account(desk.run("--from", "a.csv", "--json"))["untimed"] == 1
    desk.write("b.csv", "text,author_id,created_at\nho,bob,2026-11-30T09:50:00Z\n")
    assert "--as-of" not in desk.run("--from", "b.csv").output


def test_dates_with_slashes_have_an_option(desk: Desk) -> None:
    desk.write("a.csv", "text,author_id,when\nhello,ann,11/30/2026 9:00\n")
    mapped = ("--from", "a.csv", "--map", "created_at=when", "--assume-utc")
    refused = desk.run(*mapped)
    assert "say --time-format month-first, day-first" in refused.output
    for form in ("month-first", "%m/%d/%Y %H:%M"):
        assert desk.run(*mapped, "--time-format", form).exit_code == 0
    assert {event["created_at"] for event in desk.events()} == {"2026-11-30T09:00:00.000000Z"}
    wrong = desk.run(*mapped, "--time-format", "american")
    assert wrong.exit_code == 2
    assert "--time-format 'american' is not a form of times; allowed: rfc3339" in wrong.output


def test_shifting_times_gives_the_first_rows_reasons(desk: Desk) -> None:
    desk.write("a.csv", "text,author_id,when\nhello,ann,11/30/2026 9:00\nhello,bob,2026-11-30 09:00\n")
    result = desk.run("--from", "a.csv", "--map", "created_at=when", "--shift-time")
    assert result.exit_code == 2
    assert "line 2: time: a date that could be read in several ways" in result.output
    assert "line 3: tz: a time without a zone" in result.output


# Presets


def jetstream(number: int, **changes: Any) -> dict[str, Any]:
    payload = {
        "$type": "network.bsky.jetstream.subscribeEvents#commit", "seq": number, "did": "did:plc:aaaabbbb",
        "time": "2026-11-30T09:50:01.123456Z", "rev": f"r{number}", "operation": "create",
        "collection": "app.bsky.feed.post", "rkey": f"k{number}",
        "record": {"$type": "app.bsky.feed.post", "text": f"post {number}", "langs": ["en"]},
    }  # fmt: skip
    return {"$type": "message", "payload": {**payload, **changes}}


def test_the_second_jetstream_is_read_like_the_first(desk: Desk) -> None:
    rows = [
        jetstream(1),
        jetstream(2, collection="app.bsky.feed.like"),
        jetstream(3, operation="delete", record=None),
        {"$type": "message", "payload": {"$type": "network.bsky.jetstream.subscribeEvents#identity", "seq": 4}},
    ]
    desk.write("jetstream.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))
    found = account(desk.run("--from", "jetstream.jsonl", "--preset", "jetstream", "--json"))
    assert (found["read"], found["accepted"], found["passed_over"]) == (4, 1, 3)
    [event] = desk.events()
    assert (event["text"], event["language"], event["author_id"]) == ("post 1", "en", "did:plc:aaaabbbb")
    assert event["created_at"] == "2026-11-30T09:50:01.123456Z"
    old = {
        "did": "did:plc:aaaabbbb", "time_us": int(NOW * 1e6), "kind": "commit",
        "commit": {"rev": "r1", "operation": "create", "collection": "app.bsky.feed.post", "rkey": "k1",
                   "record": {"text": "post 1"}},
    }  # fmt: skip
    desk.write("old.jsonl", json.dumps(old))
    assert desk.run("--from", "old.jsonl", "--preset", "jetstream").exit_code == 0
    assert len({one["event_id"] for one in desk.events()}) == 1


@pytest.mark.parametrize("preset", ["jetstream", "wikimedia", "irc", "reddit"])
def test_a_preset_that_finds_no_content_is_no_success(desk: Desk, preset: str) -> None:
    column = {"wikimedia": "type", "irc": "type", "reddit": "body", "jetstream": "kind"}[preset]
    row = {"type": "other", "body": "[deleted]", "kind": "new kind", "comment": "c"}
    desk.write("a.jsonl", f"{json.dumps(row)}\n" * 3)
    result = desk.run("--from", "a.jsonl", "--preset", preset, "--format", "jsonl")
    assert result.exit_code == 1
    assert f"NO ROW IS CONTENT by --preset {preset}: {column}" in result.output
    assert "Columns there: type, body, kind, comment" in result.output
    assert account(desk.run("--from", "a.jsonl", "--preset", preset, "--format", "jsonl", "--json"))["passed_over"] == 3
    desk.write("a.jsonl", b"")
    assert desk.run("--from", "a.jsonl", "--preset", preset, "--format", "jsonl").exit_code == 0


# Every row counted


LINES = st.sampled_from(
    [
        b'{"kind":"x","text":"a","author_id":"u"}\n',
        b'{"kind":"like"}\n',
        b'{"kind":"x","text":"a"}\n',
        b"{broken\n",
        b'{"kind":"x","text":"\xff"}\n',
        b"\n",
    ]
)
MAPPING = Mapping(source="x", only=(Condition("kind", is_not=("like",), or_missing=True),))


@given(
    lines=st.lists(LINES, max_size=30),
    size=st.integers(1, 200),
    end=st.sampled_from(["whole", "breaks off", "stopped", "refused", "limit"]),
    at=st.integers(0, 30),
)
def test_every_row_is_accepted_rejected_or_passed_over_however_the_run_ends(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], size: int, end: str, at: int
) -> None:
    data = b"".join(lines)
    stop = Stop()
    given_out = 0

    def chunks() -> Iterator[bytes]:
        nonlocal given_out
        for number, place in enumerate(range(0, len(data), size)):
            if number == at and end == "breaks off":
                raise SourceError("the gzip data is cut off")
            if number == at and end == "stopped":
                stop.wish()
            given_out += len(data[place : place + size])
            yield data[place : place + size]

    stream = FakeStream()
    folder = tmp_path_factory.mktemp("rejects")
    dataset = Dataset(Source("x.jsonl", opened=chunks), MAPPING, now=NOW)
    clock = VirtualClock(NOW)
    done = produce(
        dataset,
        open_delivery(stream, clock=clock, settings=DeliverySettings(in_flight=1)),
        clock=clock,
        rejects=Rejects(folder / "r.jsonl"),
        limit=at if end == "limit" else None,
        stop=stop,
    )
    assert done.read == done.accepted + done.rejected + done.passed_over + done.failed
    assert done.accepted == len(stream.taken)
    written = (folder / "r.jsonl").read_bytes().splitlines() if (folder / "r.jsonl").exists() else []
    assert len(written) == done.rejected
    seen = data[:given_out]
    rows = [line for line in seen.split(b"\n") if line.strip()]
    if end == "whole" or (given_out == len(data) and end not in ("stopped", "limit")):
        assert done.read == len(rows)
    elif end == "breaks off":
        # The row within which it broke off is one of them.
        assert (done.read, done.source_error) == (len(rows), "the gzip data is cut off")
    else:
        assert done.read <= len(rows)


def test_a_full_disk_under_the_rejects_still_gives_the_account(desk: Desk) -> None:
    if not Path("/dev/full").exists():
        return
    desk.write("a.jsonl", b'{"text":"t","author_id":"u"}\n' + b"broken\n" * 3_000)
    Path("full").symlink_to("/dev/full")
    result = desk.run("--from", "a.jsonl", "--rejects", "full", "--json")
    assert result.exit_code == 1, result.output
    found = account(result)
    assert found["accepted"] == 1
    assert "cannot be written" in found["disk_error"]


def test_a_damaged_file_gives_its_rows_its_account_and_what_was_cut_off(desk: Desk) -> None:
    rows = b"".join(b'{"text":"row %d","author_id":"u"}\n' % number for number in range(20_000))
    desk.write("a.jsonl.gz", gzip.compress(rows)[:-30_000])
    result = desk.run("--from", "a.jsonl.gz", "--json")
    found = account(result)
    assert result.exit_code == 1
    assert found["accepted"] > 1_000
    assert "cut off" in found["source_error"]
    assert found["reasons"] in ({"cut_off": 1}, {})


def test_one_damaged_file_of_a_folder_is_named_and_all_before_is_counted(desk: Desk) -> None:
    Path("logs").mkdir()
    desk.write("logs/a.jsonl", b'{"text":"a","author_id":"u"}\n')
    desk.write("logs/b.csv", "text,text\n")
    found = account(desk.run("--from", "logs", "--json"))
    assert (found["read"], found["accepted"]) == (1, 1)
    assert found["source_error"].startswith("b.csv: the header names text more than once")


def test_a_column_s_name_cannot_print_lines_of_its_own(desk: Desk) -> None:
    desk.write("a.jsonl", json.dumps({"a\n0 rejected\nall accepted by the stream": 1}) + "\n")
    output = desk.run("--from", "a.jsonl", "--map", "text=b\nc").output
    assert "\nall accepted" not in output
    assert "\\n0 rejected\\n" in output
