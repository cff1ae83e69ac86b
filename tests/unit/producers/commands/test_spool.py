"""What ``spool status`` and ``spool flush`` print, and their exit codes; and ``produce --spool``."""

import json
import stat
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from glue.terminal.signals import Stop
from producers.commands.load import main as load_command
from producers.commands.produce import World as ProduceWorld
from producers.commands.produce import main as produce
from producers.commands.spool import World, flush, spool
from producers.commands.spool_options import size_in_bytes
from producers.ports import CallFailedError, CallRefusedError, OutRecord, PutResult, Stream, StreamRefusedError
from producers.spool.spool import Spool
from tests.fakes.stream import THROTTLE, FakeStream, VirtualClock


def invoke(stream: Stream, *arguments: str | Path, now: float = 1_000.0) -> Result:
    world = World(stream_of=lambda stack: stack, connect=lambda name, in_flight: stream, clock=VirtualClock(now))
    return CliRunner().invoke(spool, [str(one) for one in arguments], obj=world, catch_exceptions=False)


def fill(folder: Path, count: int, *, now: float = 1_000.0) -> None:
    with Spool(folder) as opened:
        opened.append([OutRecord(f"e{number}", f"key-{number}", b"secret words") for number in range(count)], now=now)


def damage(folder: Path) -> str:
    [path] = folder.glob("*.segment")
    content = bytearray(path.read_bytes())
    content[60] ^= 1
    path.write_bytes(content)
    return path.name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def test_status_tells_records_bytes_age_and_what_to_do(folder: Path) -> None:
    fill(folder, 12)
    answer = invoke(FakeStream(), "status", folder, now=8_200.0)
    assert answer.exit_code == 0
    assert "12 records wait in 1 segments" in answer.output
    assert "the oldest for 2.0 h" in answer.output
    assert f"streamkeeper spool flush {folder}" in answer.output
    told = json.loads(invoke(FakeStream(), "status", "--json", folder, now=1_030.0).output)
    assert (told["records"], told["segments"], told["oldest_age"], told["writer"]) == (12, 1, 30.0, None)
    assert told["bytes"] == sum(path.stat().st_size for path in folder.glob("*.segment"))
    assert "secret" not in answer.output


def test_status_of_a_spool_in_use_names_the_process_and_changes_nothing(folder: Path) -> None:
    import os

    with Spool(folder) as opened:
        opened.sync(opened.append([OutRecord("e", "k", b"d")], now=1.0))
        before = sorted(folder.iterdir())
        answer = invoke(FakeStream(), "status", folder)
        assert f"process {os.getpid()} has it open" in answer.output
        assert "torn" not in answer.output
        assert sorted(folder.iterdir()) == before


def test_flush_sends_everything_and_leaves_an_empty_spool(folder: Path) -> None:
    fill(folder, 700)
    stream = FakeStream()
    answer = invoke(stream, "flush", folder)
    assert answer.exit_code == 0, answer.output
    assert "700 events of 700 records sent" in answer.output
    assert "the spool is empty" in answer.output
    assert len(stream.taken) == 700
    again = invoke(stream, "flush", folder)
    assert (again.exit_code, len(stream.taken)) == (0, 700)
    assert "nothing waited" in again.output


def test_flush_to_a_stream_that_refuses_says_why_and_keeps_all(folder: Path) -> None:
    def refuse(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        raise StreamRefusedError(
            stream="content", region="eu-west-1", code="KMSNotFoundException", next_step="Give the stream another key."
        )

    fill(folder, 5)
    answer = invoke(FakeStream(refuse), "flush", "--json", folder)
    assert answer.exit_code == 3
    told = json.loads(answer.output)
    assert (told["found"], told["sent"], told["left"]) == (5, 0, 5)
    assert "KMSNotFoundException. Give the stream another key." in told["stopped"]
    with Spool(folder) as opened:
        assert opened.opened.records == 5


def test_a_flush_that_is_interrupted_stops_soon_and_keeps_the_rest(folder: Path) -> None:
    stream = FakeStream(clock=VirtualClock())
    interrupted = threading.Event()

    def one_a_call_until_interrupted(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult]:
        if len(stream.taken) < 3:
            return [stream.take(batch[0]), *[THROTTLE] * (len(batch) - 1)]
        interrupted.wait(600)
        return [THROTTLE] * len(batch)

    stream.behaviour = one_a_call_until_interrupted
    fill(folder, 50)
    stop = Stop(abandons_at=1)
    told: list[int] = []

    def ctrl_c(sent: int) -> None:
        told.append(sent)
        if sent >= 3:
            stop.wish()
            interrupted.set()

    done = flush(folder, lambda: stream, clock=VirtualClock(), wait=3_600, in_flight=1, stop=stop, on_sent=ctrl_c)
    assert (done.found, done.sent, done.left, done.is_interrupted) == (50, 3, 47, True)
    assert told[-1] == 3


def test_flush_names_events_that_are_refused_for_their_content_and_they_stay(folder: Path) -> None:
    def refuse_e3(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        if any(one.event_id == "e3" for one in batch):
            raise CallRefusedError("ValidationException")
        return None

    fill(folder, 9)
    answer = invoke(FakeStream(refuse_e3), "flush", folder)
    assert answer.exit_code == 1
    assert "1 events were refused for what is in them, and stay: e3" in answer.output
    assert "1 records are left in the spool" in answer.output


def test_flush_of_a_spool_in_use_has_an_exit_code_of_its_own(folder: Path) -> None:
    with Spool(folder):
        answer = invoke(FakeStream(), "flush", folder)
    assert answer.exit_code == 5
    assert "in use by process" in answer.output


def test_damage_is_told_by_status_then_put_aside_by_flush_and_told_until_somebody_looks(folder: Path) -> None:
    fill(folder, 20)
    name = damage(folder)
    before = invoke(FakeStream(), "status", folder)
    assert before.exit_code == 1
    assert f"DAMAGED: {name}" in before.output
    stream = FakeStream()
    flushed = invoke(stream, "flush", folder)
    assert flushed.exit_code == 1
    assert "DAMAGED" in flushed.output
    assert len(stream.taken) == 19
    after = invoke(FakeStream(), "status", folder)
    assert after.exit_code == 1
    assert f"PUT ASIDE: corrupt/{name}" in after.output
    (folder / "corrupt" / name).unlink()
    assert invoke(FakeStream(), "status", folder).exit_code == 0


def test_what_is_no_spool_is_wrong_use(tmp_path: Path) -> None:
    for command in ("status", "flush"):
        answer = invoke(FakeStream(), command, tmp_path)
        assert answer.exit_code == 2
        assert "is not a spool; give the folder that --spool was given" in answer.output


def test_a_folder_of_spools_names_them(tmp_path: Path) -> None:
    for number in range(2):
        fill(tmp_path / f"process-{number}", 1)
    answer = invoke(FakeStream(), "status", tmp_path)
    assert (answer.exit_code, "give one of them: process-0, process-1" in answer.output) == (2, True)


def make(stream: Stream, *arguments: str | Path) -> Result:
    world = ProduceWorld(stream_of=lambda stack: stack, connect=lambda name, in_flight: stream, clock=VirtualClock())
    return CliRunner().invoke(produce, [str(one) for one in arguments], obj=world, catch_exceptions=False)


def test_produce_through_a_spool_tells_what_was_sent_and_what_is_still_there(folder: Path) -> None:
    stream = FakeStream(clock=VirtualClock())
    answer = make(stream, "--synthetic", "300", "--spool", folder, "--json")
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert (told["read"], told["accepted"], told["sent"], told["spooled"], told["failed"]) == (300, 300, 300, 0, 0)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_produce_to_a_stream_that_is_away_is_a_success_when_the_spool_has_it_all(folder: Path) -> None:
    def away(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        raise CallFailedError("EndpointConnectionError")

    waiting = make(FakeStream(away), "--synthetic", "300", "--spool", folder, "--spool-wait", "0")
    assert waiting.exit_code == 0
    assert f"300 accepted into {folder}" in waiting.output
    assert f"300 are still in the spool, safe; to send them: streamkeeper spool flush {folder}" in waiting.output


def test_produce_says_what_is_wrong_with_its_spool(folder: Path) -> None:
    small = make(FakeStream(), "--synthetic", "1", "--spool", folder, "--spool-size", "1MB")
    assert (small.exit_code, "at least 4MiB" in small.output) == (2, True)
    with Spool(folder):
        taken = make(FakeStream(), "--synthetic", "1", "--spool", folder)
    assert (taken.exit_code, "in use by process" in taken.output) == (5, True)
    deferred = make(FakeStream(), "--synthetic", "1", "--spool", folder, "--deferred", "--delivery-stream", "d")
    assert (deferred.exit_code, "leave it out with --deferred" in deferred.output) == (2, True)


def load(stream: Stream, *arguments: str | Path) -> Result:
    world = ProduceWorld(stream_of=lambda stack: stack, connect=lambda name, in_flight: stream)
    steady = ("--rate", "300", "--duration", "1s", "--json")
    return CliRunner().invoke(
        load_command, [*steady, *(str(one) for one in arguments)], obj=world, catch_exceptions=False
    )


def test_a_load_through_a_spool_loses_nothing_when_the_stream_is_away(folder: Path) -> None:
    def away(call: int, batch: Sequence[OutRecord]) -> Sequence[PutResult] | None:
        raise CallFailedError("EndpointConnectionError")

    answer = load(FakeStream(away), "--spool", folder, "--spool-wait", "0", "--max-lost", "0")
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert (told["planned"], told["accepted"], told["spooled"], told["lost"]) == (300, 0, 300, 0)
    # what is there is not taken for a part of the next load
    again = load(FakeStream(), "--spool", folder)
    assert (again.exit_code, "holds 300 records from before" in again.output) == (2, True)
    stream = FakeStream()
    assert invoke(stream, "flush", folder).exit_code == 0
    assert len(stream.taken) == 300


def test_sizes_are_read_as_people_write_them() -> None:
    assert size_in_bytes("1.5GiB") == 1_610_612_736
    assert size_in_bytes("64 mb") == 64_000_000
    with pytest.raises(ValueError, match="such as 512MB"):
        size_in_bytes("much")
