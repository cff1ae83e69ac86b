"""The commands replay and redrive with their parts in memory: options, exit codes, what is said, and nothing leaked."""

import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from glue.ports import Clock
from glue.prices import SHIPPED
from glue.terminal.errors import UnreachableError
from infra.commands.redrive import masked, redrive
from infra.commands.replay import replay
from producers.commands import redrive as redrive_command
from producers.commands import replay as replay_command
from producers.ports import OutRecord, PutResult, StreamRefusedError
from producers.redrive.items import Item, PlainItem, RawRecord
from producers.replay.archived import ArchiveObject
from producers.replay.records import ShardReader
from producers.replay.run import NoArrivals
from tests.fakes import sample_events
from tests.fakes.documents import MemoryStore
from tests.fakes.stream import FakeStream, VirtualClock

ARRIVAL = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = ARRIVAL.timestamp()
OUTPUTS = {
    "ContentStreamName": "content",
    "LakeBucketName": "lake",
    "DatabaseName": "d",
    "WorkGroupName": "w",
    "DeadLetterBucketName": "dead",
}
CANARY = "canary7f3a"


def payload(number: int, **fields: object) -> bytes:
    return sample_events.payload(number, **{"created_at": "2026-03-01T11:59:00Z", "text": CANARY, **fields})


@dataclass
class Parts:
    """Everything a stack has, in memory; also its own archive and quarantine."""

    bodies: Sequence[bytes] = ()
    items_: Sequence[Item] = ()
    taken: FakeStream = field(default_factory=FakeStream)
    documents: MemoryStore = field(default_factory=MemoryStore)
    places: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    refuses: bool = False

    def archive(self) -> "Parts":
        return self

    def reader(self) -> ShardReader:
        raise UnreachableError("stream content: AccessDeniedException. Ask.")

    def open_shards(self) -> int:
        return 2

    def stream(self) -> FakeStream:
        return self.taken

    def arrivals(self) -> NoArrivals:
        return NoArrivals()

    def store(self, place: str) -> MemoryStore:
        self.places.append(place)
        return self.documents

    def ledger(self) -> MemoryStore:
        return self.documents

    def quarantine(self, *, since: float, until: float, reasons: frozenset[str]) -> "Parts":
        return self

    dead_letters = quarantine

    def pointed_letters(self, queue_url: str | None, texts: Sequence[str], **more: Any) -> "Parts":
        return self

    def with_verdict(self) -> "Parts":
        raise AssertionError

    def items(self) -> Iterator[Item]:
        return iter(self.items_)

    def close(self) -> None: ...

    def objects(self, since: float, until: float) -> Sequence[ArchiveObject]:
        return [ArchiveObject(f"archive/{at}", len(body), NOW - 60, NOW - 10) for at, body in enumerate(self.bodies)]

    def lines(self, one: ArchiveObject) -> Iterable[bytes]:
        return self.bodies[int(one.key.rpartition("/")[2])].split(b"\n")[:-1]


def invoke(command: click.Command, parts: Parts, *arguments: str) -> Result:
    module = replay_command if command is replay else redrive_command

    def opened(names: Mapping[str, str], clock: Clock) -> Parts:
        assert names["ContentStreamName"] in ("content", "other")
        return parts

    world = module.World(outputs=lambda stack: OUTPUTS, open=opened, clock=VirtualClock(NOW))
    if module is redrive_command:
        world = redrive_command.World(world.outputs, world.open, world.clock, masked)  # type: ignore[arg-type]
    return CliRunner().invoke(command, list(arguments), obj=world)


def archive_of(*payloads: bytes) -> list[bytes]:
    return [b"".join(one + b"\n" for one in payloads)]


def test_a_replay_says_what_it_did_and_how_to_go_on(tmp_path: Path) -> None:
    parts = Parts(archive_of(payload(1), payload(2), b"broken"))
    result = invoke(replay, parts, "--since", "1h", "--state", str(tmp_path), "--run-id", "r")
    assert result.exit_code == 0, result.output
    assert "3 records read, 2 events sent as run r" in result.output
    assert "1 lines are not events (json 1): they are in quarantine; see `redrive quarantine`" in result.output
    assert "2 without a verdict yet" in result.output
    assert "no notices are sent again" in result.output
    assert CANARY not in result.output
    assert len(parts.taken.taken) == 2


def test_a_replay_that_fails_says_so_and_goes_on_with_its_run_id(tmp_path: Path) -> None:
    parts = Parts(archive_of(payload(1)))

    def refuse(call: int, records: Sequence[OutRecord]) -> Sequence[PutResult]:
        raise StreamRefusedError(stream="content", region="r", code="AccessDeniedException", next_step="Ask.")

    parts.taken.behaviour = refuse
    arguments = ("--since", "1h", "--state", str(tmp_path), "--run-id", "r")
    result = invoke(replay, parts, *arguments)
    assert "AccessDeniedException. Ask." in result.output
    assert "to go on: the same command with --run-id r" in result.output
    assert result.exit_code == 3
    parts.taken.behaviour = None
    assert invoke(replay, parts, *arguments).exit_code == 0
    # With another range it is another run.
    other = invoke(replay, parts, *arguments[:-1], "r", "--until", "5m")
    assert other.exit_code == 2
    assert "begun with other options: until" in other.output


def test_a_run_kept_in_a_bucket_is_seen_from_every_machine() -> None:
    parts = Parts(archive_of(payload(1)))
    result = invoke(replay, parts, "--since", "1h", "--state", "s3://lake/runs", "--run-id", "r", "--json")
    assert result.exit_code == 0
    assert parts.places == ["s3://lake/runs"]
    assert msgspec.json.decode(parts.documents.kept["r"][0])["is_finished"]


def test_a_dry_run_counts_days_bytes_and_cost_and_touches_nothing(tmp_path: Path) -> None:
    parts = Parts(archive_of(payload(1), payload(2, created_at="2026-02-28T01:00:00Z")))
    result = invoke(replay, parts, "--since", "1h", "--state", str(tmp_path / "runs"), "--dry-run")
    assert result.exit_code == 0
    assert "2 of 2 records read would be sent" in result.output
    assert "2026-02-28             1" in result.output
    assert "by prices of 2026-11-30, us-east-1, an example" in result.output
    assert parts.taken.taken == []
    assert not (tmp_path / "runs").exists()
    prices = tmp_path / "prices.toml"
    dear_ones = SHIPPED.read_text("utf-8").replace("million_put_units = 0.014", "million_put_units = 1e6")
    prices.write_text(dear_ones, "utf-8")
    dear = invoke(replay, parts, "--since", "1h", "--dry-run", "--prices", str(prices), "--json")
    assert msgspec.json.decode(dear.stdout)["cost"]["usd"] == 2.0
    prices.write_text("unknown = 1\n", "utf-8")
    assert invoke(replay, parts, "--since", "1h", "--dry-run", "--prices", str(prices)).exit_code == 2


class InterruptedParts(Parts):
    """Somebody presses Ctrl-C while the second record is read."""

    def lines(self, one: ArchiveObject) -> Iterable[bytes]:
        for number, line in enumerate(super().lines(one)):
            if number == 1:
                signal.raise_signal(signal.SIGINT)
            yield line

    def items(self) -> Iterator[Item]:
        for number, item in enumerate(self.items_):
            if number == 1:
                signal.raise_signal(signal.SIGINT)
            yield item


def test_a_dry_run_that_was_interrupted_says_that_it_is_a_part(tmp_path: Path) -> None:
    parts = InterruptedParts(archive_of(*(payload(number) for number in range(20_000))))
    result = invoke(replay, parts, "--since", "1h", "--dry-run")
    assert result.exit_code == 130
    assert result.output.startswith("partial: ")
    assert "20,000" not in result.output
    assert "at least $" in result.output
    as_json = msgspec.json.decode(invoke(replay, parts, "--since", "1h", "--dry-run", "--json").stdout)
    assert (as_json["is_partial"], as_json["is_finished"]) == (True, False)

    parts = InterruptedParts(items_=items(*(payload(number) for number in range(2_000))))
    result = invoke(redrive, parts, "quarantine", "--dry-run")
    assert result.exit_code == 130
    assert result.output.startswith("partial: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--since", "yesterday"], "--since: 'yesterday' is not a time"),
        (["--since", "2026-02-30"], "not a valid time"),
        (["--since", "1h", "--until", "2h"], "is not before the end of the range"),
        (["--since", "1h", "--rate", "0"], "--rate 0; allowed: a number above 0, or max"),
        (["--since", "1h", "--speed", "fast"], "--speed fast; allowed: a number above 0, such as 10x"),
        (["--since", "1h", "--run-id", "a/b"], "--run-id a/b; allowed: 1 to 128 of"),
        (["--since", "1h", "--created-since", "x"], "--created-since: 'x' is not a time"),
        (["--since", "1h", "--ids", "EMPTY"], "names no event"),
    ],
)
def test_what_cannot_be_meant_is_said_in_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n", "utf-8")
    given = [str(empty) if one == "EMPTY" else one for one in arguments]
    result = invoke(replay, Parts(), *given, "--state", str(tmp_path))
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


def test_what_cannot_be_reached_is_said_in_one_line(tmp_path: Path) -> None:
    result = invoke(replay, Parts(), "--since", "1h", "--from", "stream", "--rate", "max", "--state", str(tmp_path))
    assert (result.exit_code, result.output) == (3, "Error: stream content: AccessDeniedException. Ask.\n")


def test_the_scripts_need_names_where_there_is_no_stack_to_ask() -> None:
    for command, arguments in (
        (replay_command.main, ["--since", "1h"]),
        (redrive_command.main, ["quarantine"]),
        (redrive_command.main, ["dead-letters"]),
    ):
        result = CliRunner().invoke(command, arguments)
        assert result.exit_code == 2
        assert "ContentStreamName" in result.output
        assert (
            "xample"
            in CliRunner()
            .invoke(command, [*arguments[:1], "--help"] if arguments[0] != "--since" else ["--help"])
            .output
        )


def items(*payloads: bytes) -> list[Item]:
    return [
        PlainItem(
            name=f"quarantine/{at}",
            reason="type",
            arrived=NOW - 7_200,
            records=(RawRecord(one, NOW - 7_200, "key", f"s:{at}"),),
            detail="text: Expected `str`, got `int`",
        )
        for at, one in enumerate(payloads)
    ]


def test_a_listing_names_reason_age_and_detail_and_masks_personal_data() -> None:
    parts = Parts(
        items_=items(payload(1, text="write to jo@example.org or 4111 1111 1111 1111\x1b[31m"), b"\xff\x00\n")
    )
    result = invoke(redrive, parts, "quarantine", "--list")
    assert result.exit_code == 0
    assert "type: 2, of which 0 redriven; from 120 min to 120 min ago" in result.output
    assert "2 x text: Expected `str`, got `int`" in result.output
    assert "[email]" in result.output
    for secret in ("jo@example.org", "4111", "\x1b", "\x00"):
        assert secret not in result.output
    assert "e.g. \ufffd\u2400\\n\n" in result.output
    assert invoke(redrive, Parts(), "quarantine", "--list").output == "nothing is set aside in this range\n"


def test_a_redrive_says_what_it_did_and_that_nobody_is_told() -> None:
    parts = Parts(items_=items(payload(1), payload(2, text=5)))
    result = invoke(redrive, parts, "quarantine", "--run-id", "r")
    assert result.exit_code == 1
    assert "2 found, 1 redriven as run r: 1 events" in result.output
    assert "1 would be refused again (type 1); they stay where they are" in result.output
    assert "no notices of their verdicts will be sent" in result.output
    assert CANARY not in result.output
    again = invoke(redrive, parts, "quarantine", "--json")
    assert msgspec.json.decode(again.stdout)["already"] == 1


def test_a_redrive_tried_out_sends_and_writes_down_nothing(tmp_path: Path) -> None:
    fix = tmp_path / "fix.py"
    fix.write_text('def fix(payload, reason):\n    return payload.replace(b\'"text":5\', b\'"text":"5"\')\n', "utf-8")
    parts = Parts(items_=items(payload(1, text=5)))
    result = invoke(redrive, parts, "quarantine", "--dry-run", "--fix", str(fix))
    assert result.exit_code == 0
    assert "1 found, 1 would be redriven; nothing was (--dry-run): 1 events" in result.output
    assert "1 changed by the fix" in result.output
    assert (parts.taken.taken, parts.documents.kept) == ([], {})


def test_a_limit_takes_the_oldest_first_and_what_cannot_be_read_makes_the_exit_code() -> None:
    parts = Parts(items_=items(payload(1), payload(2)), unreadable=["aws/lambda/x"])
    result = invoke(redrive, parts, "dead-letters", "--limit", "1")
    assert result.exit_code == 1
    assert "1 are not invocation records and were left alone: aws/lambda/x" in result.output
    assert len(parts.taken.taken) == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["quarantine", "--since", "x"], "--since: 'x' is not a time"),
        (["quarantine", "--fix", "NOTES"], "allowed: a Python file (.py) with fix(payload, reason), or an executable"),
        (["quarantine", "--fix", "BROKEN"], "SyntaxError while it was loaded"),
        (["quarantine", "--run-id", ""], "redriven"),
        (["dead-letters", "--queue", "u", "--pointers", "NOTES"], "allowed: one of them"),
    ],
)
def test_what_cannot_be_meant_by_a_redrive_is_said_in_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "notes.txt").write_text("x", "utf-8")
    (tmp_path / "broken.py").write_text("def fix(:", "utf-8")
    files = {"NOTES": str(tmp_path / "notes.txt"), "BROKEN": str(tmp_path / "broken.py")}
    result = invoke(redrive, Parts(items_=items(payload(1))), *[files.get(one, one) for one in arguments])
    assert said in result.output
    assert result.exit_code == (0 if said == "redriven" else 2)
    assert "Traceback" not in result.output
