"""The produce command: what it reads, what it says, how it ends, on a stream in memory."""

import gzip
import io
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from glue.readers.sources import Source
from glue.terminal.signals import Stop
from producers.commands.production import Production, Rejects, free_path, produce
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.mapping.datasets import Dataset, RejectedRow
from producers.mapping.fields import Mapping
from producers.ports import OutRecord, PutResult, StreamRefusedError
from tests.fakes.desk import Desk, account
from tests.fakes.stream import THROTTLE, FakeStream, VirtualClock
from tests.fakes.until import until

NOW = 1_772_362_800.0  # 2026-03-01T11:00:00Z
ROWS = b"".join(
    b'{"text":"row %d","user":"u%d","ts":"2026-03-01T10:00:0%dZ"}\n' % (number, number, number) for number in range(5)
)
MAPPED = ("--map", "author_id=user", "--map", "created_at=ts")


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.chdir(tmp_path)
    for name in ("STREAMKEEPER_STREAM", "STREAMKEEPER_STACK", "STREAMKEEPER_PSEUDONYM_KEY"):
        monkeypatch.delenv(name, raising=False)
    return Desk(NOW)


def test_a_file_goes_to_the_stack_s_stream_and_the_exit_code_is_zero(desk: Desk) -> None:
    Path("posts.jsonl.gz").write_bytes(gzip.compress(ROWS))
    result = desk.run("--from", "posts.jsonl.gz", *MAPPED, "--set", "surface=forum")
    assert result.exit_code == 0, result.output
    assert desk.asked == ["streamkeeper-content"]
    assert desk.texts() == [f"row {number}" for number in range(5)]
    assert "5 accepted by the stream" in result.output
    assert "0 rejected\n0 failed" in result.output
    assert list(Path().iterdir()) == [Path("posts.jsonl.gz")]


def test_rows_that_are_no_events_are_named_counted_and_written_to_a_file_of_the_owner(desk: Desk) -> None:
    content = b'{"text":"a"}\n{broken\n' + ROWS + b'{"text":"\xff"}\n'
    Path("posts.jsonl").write_bytes(content)
    result = desk.run("--from", "posts.jsonl", *MAPPED)
    assert result.exit_code == 1
    assert len(desk.stream.taken) == 5
    assert "3 rejected: missing:author_id 1, json 1, encoding 1" in result.output
    assert "line 2: json" in result.output
    assert "--default author_id=VALUE" in result.output
    assert "columns there: text, user, ts" in result.output
    file = Path("posts.jsonl.rejects.jsonl")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first, second, third = (msgspec.json.decode(line) for line in file.read_bytes().splitlines())
    assert (first["line"], first["reason"], first["row"]) == (1, "missing:author_id", {"text": "a"})
    assert (second["line"], second["reason"], second["row"]) == (2, "json", "{broken")
    assert (third["line"], third["row_base64"]) == (8, "eyJ0ZXh0Ijoi/yJ9")
    # a second run takes another file, and rejects alone may be allowed
    again = desk.run("--from", "posts.jsonl", *MAPPED, "--allow-rejects", "--json")
    assert again.exit_code == 0
    assert account(again)["rejects_file"] == "posts.jsonl.rejects-2.jsonl"


def test_csv_comes_through_standard_input(desk: Desk) -> None:
    result = desk.run(
        "--from", "-", "--format", "csv", "--map", "text=body", "--map", "author_id=user", "--json",
        stdin=b"body,user\nhi,ann\n\"two\nlines\",bob\n",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert account(result)["accepted"] == 2
    assert desk.texts() == ["hi", "two\nlines"]


def test_shifted_times_are_told_and_the_same_as_of_makes_the_same_events(desk: Desk) -> None:
    Path("posts.jsonl").write_bytes(ROWS.replace(b"2026-03-01T10:00:00", b"2004-03-01T10:00:00"))
    arguments = ("--from", "posts.jsonl", *MAPPED, "--shift-time", "--as-of", "2026-03-01T11:00:00Z")
    first = desk.run(*arguments)
    assert first.exit_code == 0, first.output
    assert "times moved: 2004-03-01 to 2026-03-01 now ends 2026-03-01T11:00:00.000000Z" in first.output
    assert "distances divided by 277" in first.output
    desk.clock.time += 3_600
    assert desk.run(*arguments).exit_code == 0
    assert desk.stream.taken[:5] == desk.stream.taken[5:]


def test_made_up_records_go_too_malformed_ones_included(desk: Desk) -> None:
    result = desk.run("--synthetic", "600", "--seed", "5", "--malformed", "0.1", "--stream", "other", "--json")
    assert result.exit_code == 0, result.output
    assert desk.asked == ["other"]
    assert account(result)["accepted"] == len(desk.stream.taken) == 600
    assert sum(record.event_id.startswith("malformed") for record in desk.stream.taken) > 20


def test_a_dry_run_checks_everything_and_needs_no_stream(desk: Desk) -> None:
    Path("posts.jsonl").write_bytes(ROWS + b"x\n")
    result = desk.run("--from", "posts.jsonl", *MAPPED, "--dry-run", "--rejects", "bad.jsonl")
    assert result.exit_code == 1
    assert "5 would be sent; nothing was" in result.output
    assert desk.asked == []
    assert len(Path("bad.jsonl").read_bytes().splitlines()) == 1


def test_the_rate_is_kept_and_the_limit_too(desk: Desk) -> None:
    result = desk.run("--synthetic", "1000", "--rate", "50", "--limit", "100", "--json")
    assert account(result)["accepted"] == 100
    assert desk.clock.time - NOW == pytest.approx(2.0, abs=0.1)


def test_events_that_the_stream_does_not_take_are_failed_and_written_down(desk: Desk) -> None:
    Path("posts.jsonl").write_bytes(ROWS)
    desk.stream.behaviour = lambda call, batch: [THROTTLE] * len(batch)
    result = desk.run("--from", "posts.jsonl", *MAPPED)
    assert result.exit_code == 1
    assert "5 failed: ProvisionedThroughputExceededException 5" in result.output
    assert "add shards" in result.output
    assert "the same command with --as-of 2026-03-01T11:00:00.000000Z" in result.output
    entries = [msgspec.json.decode(line) for line in Path("posts.jsonl.rejects.jsonl").read_bytes().splitlines()]
    assert {entry["reason"] for entry in entries} == {"not_delivered:ProvisionedThroughputExceededException"}
    assert len({entry["event_id"] for entry in entries}) == 5


def test_a_stream_that_refuses_ends_the_run_with_what_to_do(desk: Desk) -> None:
    def refuse(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        raise StreamRefusedError(stream="content", region="eu-west-1", code="AccessDenied", next_step="Allow it.")

    desk.stream.behaviour = refuse
    result = desk.run("--synthetic", "3000", "--json")
    assert result.exit_code == 3
    found = account(result)
    assert found["accepted"] == 0
    assert found["failed"] > 0
    assert "content in eu-west-1" in found["stopped"]
    assert found["next_steps"] == ["Allow it."]


def test_a_source_that_breaks_off_is_told_after_its_rows_were_sent(desk: Desk) -> None:
    packed = gzip.compress(b"".join(b'{"text":"%d","author_id":"a"}\n' % number for number in range(20_000)))
    Path("posts.jsonl.gz").write_bytes(packed[:-30])
    result = desk.run("--from", "posts.jsonl.gz")
    assert result.exit_code == 1
    assert "the source broke off: the gzip data is cut off" in result.output
    assert len(desk.stream.taken) > 10_000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "Give --from FILE"),
        (("--from", "a.csv", "--synthetic", "1"), "one of them"),
        (("--from", "missing.csv"), "no such file"),
        (("--from", "posts.jsonl", "--map", "text"), "allowed: FIELD=VALUE"),
        (("--from", "posts.jsonl", "--map", "body=text"), "body is no field of an event"),
        (("--from", "posts.jsonl", "--map", "text=a", "--map", "text=b"), "twice"),
        (("--from", "posts.jsonl", "--as-of", "yesterday"), "--as-of: 'yesterday'"),
        (("--from", "posts.jsonl", "--rejects", "posts.jsonl"), "is the file that is read"),
        (("--from", "posts.jsonl", "--rejects", "no/such/folder"), "no folder"),
        (("--from", "posts.jsonl", "--shift-time"), "nothing to shift"),
        (("--from", "posts.\x1b[31m"), "posts.\\x1b[31m: no such file"),
    ],
)
def test_wrong_use_is_said_before_anything_is_sent(desk: Desk, arguments: tuple[str, ...], words: str) -> None:
    Path("posts.jsonl").write_bytes(ROWS)
    result = desk.run(*arguments)
    assert result.exit_code == 2, result.output
    assert words in result.output
    assert desk.stream.calls == []


def test_without_a_stack_to_ask_the_script_asks_for_the_stream() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "producers.commands.produce", "--synthetic", "1"],
        capture_output=True, text=True, check=False, env={"PATH": ""},
    )  # fmt: skip
    assert done.returncode == 2
    assert "Give --stream" in done.stderr


def records(count: int) -> list[OutRecord]:
    return [OutRecord(f"e{number}", "key", b"x") for number in range(count)]


def run(items: Iterator[OutRecord | RejectedRow], stream: FakeStream, stop: Stop, tmp_path: Path) -> Production:
    clock = VirtualClock()
    delivery = open_delivery(stream, clock=clock, settings=DeliverySettings(in_flight=1))
    return produce(items, delivery, clock=clock, rejects=Rejects(tmp_path / "rejects"), stop=stop)


def test_ctrl_c_while_waiting_for_input_sends_what_was_read(tmp_path: Path) -> None:
    # given a source that waits after 700 records, and a Ctrl-C then
    stop = Stop()

    def waiting() -> Iterator[OutRecord]:
        yield from records(700)
        stop.wish(signal.SIGINT, None)
        raise AssertionError("not reached")

    stream = FakeStream()
    done = run(waiting(), stream, stop, tmp_path)
    assert done.is_interrupted
    assert (done.read, done.accepted, len(stream.taken)) == (700, 700, 700)


def test_ctrl_c_while_sending_loses_no_batch(tmp_path: Path) -> None:
    stop = Stop()
    stream = FakeStream()

    def stop_in_call(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        stop.wish()
        return None

    stream.behaviour = stop_in_call
    done = run(iter(records(5_000)), stream, stop, tmp_path)
    assert done.read == done.accepted == len(stream.taken)


def test_the_second_ctrl_c_ends_the_retries_and_all_is_accounted_for(tmp_path: Path) -> None:
    stop = Stop()

    def throttled_twice_stopped(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult]:
        stop.is_interruptible = False
        stop.wish()
        stop.wish()
        return [THROTTLE] * len(batch)

    stream = FakeStream(throttled_twice_stopped)
    done = run(iter(records(10)), stream, stop, tmp_path)
    assert (done.read, done.accepted, done.failed) == (10, 0, 10)
    assert done.failures == {"interrupted": 10}
    assert len(stream.calls) == 1


def test_rejects_take_the_next_free_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv.rejects.jsonl").touch()
    assert free_path("a.csv", tmp_path).name == "a.csv.rejects-2.jsonl"


def test_nothing_is_written_when_nothing_is_rejected(tmp_path: Path) -> None:
    run(iter(records(3)), FakeStream(), Stop(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_live_input_is_sent_before_it_ends(desk: Desk) -> None:
    # given standard input that checks, while it is open, that its first line has arrived
    class Pipe(io.RawIOBase):
        step = 0

        def readinto(self, buffer: Any) -> int:
            self.step += 1
            if self.step == 1:
                line = b'{"text":"first","author_id":"a"}\n'
                buffer[: len(line)] = line
                return len(line)
            until(lambda: desk.stream.taken, "the first line in the stream")
            return 0

        def readable(self) -> bool:
            return True

    pipe = io.BufferedReader(Pipe())
    arrived_before_end = []
    delivery = open_delivery(desk.stream, clock=desk.clock, settings=DeliverySettings(in_flight=1, linger=0.01))
    for item in Dataset(Source("-", stdin=pipe), Mapping(source="s"), now=NOW):
        assert isinstance(item, OutRecord)
        delivery.put(item)
    arrived_before_end.append(len(desk.stream.taken))
    delivery.close()
    assert arrived_before_end == [1]


def test_deferred_events_go_to_the_delivery_stream_and_never_to_the_stream(desk: Desk) -> None:
    Path("posts.jsonl").write_bytes(ROWS)
    assert desk.run("--from", "posts.jsonl", *MAPPED, "--deferred", "--stream", "other").exit_code == 0
    assert desk.run("--from", "posts.jsonl", *MAPPED, "--deferred", "--delivery-stream", "mine").exit_code == 0
    assert desk.asked == ["streamkeeper-deferred", "mine"]
    both = desk.run("--from", "posts.jsonl", *MAPPED, "--deferred", "--aggregate")
    assert both.exit_code == 2
    assert "--aggregate is for Kinesis" in both.output


def test_a_folder_goes_file_by_file_and_its_account_names_them(desk: Desk) -> None:
    Path("logs").mkdir()
    for name in ("b.jsonl", "a.jsonl"):
        (Path("logs") / name).write_bytes(ROWS + b"{broken\n")
    Path("logs/notes.txt").write_bytes(b"no rows")
    result = desk.run("--from", "logs", *MAPPED)
    assert result.exit_code == 1
    assert len(desk.stream.taken) == len({record.event_id for record in desk.stream.taken}) == 10
    assert "12 read from logs" in result.output
    assert "1 files left out" in result.output
    assert "a.jsonl line 6: json" in result.output
    rejects = [msgspec.json.decode(line) for line in Path("logs.rejects.jsonl").read_bytes().splitlines()]
    assert [one["file"] for one in rejects] == ["a.jsonl", "b.jsonl"]
    assert desk.run("--from", "logs/a.jsonl", *MAPPED, "--pattern", "*").exit_code == 2


def test_a_preset_says_what_the_columns_are_and_counts_what_is_no_content(desk: Desk) -> None:
    Path("chat.log").write_bytes(b"2026-03-01 10:00 <ann> hi\n2026-03-01 10:01 -!- bob has joined #x\n")
    result = desk.run("--from", "chat.log", "--preset", "irc", "--json")
    assert result.exit_code == 0, result.output
    assert (account(result)["accepted"], account(result)["passed_over"]) == (1, 1)
    told = desk.run("--from", "chat.log", "--preset", "irc")
    assert "1 rows passed over, which are not content" in told.output
    assert "jetstream: Bluesky" in desk.run("--list-presets").output
    assert desk.run("--from", "chat.log", "--preset", "nothing").exit_code == 2


def test_a_stream_of_events_on_standard_input_is_told_from_json_lines(desk: Desk) -> None:
    change = b'{"meta":{"id":"b0caf18d-6c7f-4403-947d-2712bbe28610"},"wiki":"w","id":1,"comment":"c","user":"u"}'
    for stdin in (b":ok\n\nevent: message\ndata: " + change + b"\n\n", change + b"\n"):
        result = desk.run("--from", "-", "--preset", "wikimedia", "--json", stdin=stdin)
        assert account(result)["accepted"] == 1
    assert len({record.event_id for record in desk.stream.taken}) == 1


def test_the_api_is_a_way_of_its_own(desk: Desk) -> None:
    Path("posts.jsonl").write_bytes(ROWS)
    for other in (("--deferred",), ("--aggregate",), ("--stream", "s")):
        result = desk.run("--from", "posts.jsonl", *MAPPED, "--api", "https://api.example", *other)
        assert result.exit_code == 2
        assert "--api is a way of its own" in result.output
    result = desk.run("--from", "posts.jsonl", *MAPPED, "--api", "api.example")
    assert result.exit_code == 2
    assert "http:// or https://" in result.output
    assert desk.stream.taken == []
