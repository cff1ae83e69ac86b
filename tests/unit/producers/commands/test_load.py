"""The load command: paced by the clock and not by answers, measured from when events were due, told and judged."""

import json
import threading
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from glue.codec import decode
from glue.contract import ContentEvent
from glue.kpl import aggregation
from glue.prices import SHIPPED, read_prices
from glue.readers.rows import SourceError
from glue.terminal.signals import Stop
from infra.commands.load import load as command
from producers.commands.produce import World
from producers.load.content import FromFile, MadeUp, read_events
from producers.load.cost import cost
from producers.load.display import recent_rate, rows
from producers.load.histogram import Histogram
from producers.load.plan import Plan
from producers.load.profiles import named
from producers.load.sender import content_of, send
from producers.load.snapshot import Second, Snapshot, merged
from producers.load.summary import Gates
from producers.ports import OutRecord, PutResult, StreamRefusedError
from producers.synthetic.content import Shares
from tests.fakes.stream import THROTTLE, FakeStream, VirtualClock

NOW = 1_772_362_800.0  # 2026-03-01T11:00:00Z


class Slow:
    """A stream that takes ``seconds`` of the clock for each call, and notes when each event was taken."""

    def __init__(self, clock: VirtualClock, seconds: float = 0.0) -> None:
        self.clock = clock
        self.seconds = seconds
        self.name = "content"
        self.taken: dict[str, float] = {}
        self.records: list[OutRecord] = []
        self.lock = threading.Lock()

    def put(self, records: Sequence[OutRecord]) -> list[PutResult]:
        with self.lock:
            self.clock.time += self.seconds
            self.records += records
            for record in records:
                for event_id in record.event_ids:
                    self.taken[event_id] = self.clock.time
            return [PutResult(str(len(self.records)), "shardId-000000000000") for _ in records]


def plan_of(**given: Any) -> Plan:
    made = {"stream": "content", "in_flight": 1, "paced": False, "linger": 1e-4, "as_of": NOW, **given}
    return Plan(**made)


def sent(plan: Plan, stream: Any, clock: VirtualClock, *, stop: Stop | None = None) -> tuple[Snapshot, list[Snapshot]]:
    told: list[Snapshot] = []
    content = content_of(plan, now=NOW)
    done = send(plan, content, stream, start=NOW, clock=clock, stop=stop or Stop(), tick=told.append)
    return done, told


def test_no_event_is_handed_over_before_it_is_due_and_none_waits_for_another_s_answer() -> None:
    # given a stream that answers at once
    clock = VirtualClock(NOW)
    handed: list[tuple[float, float]] = []
    made = MadeUp(seed=1, now=NOW, shares=Shares())

    class Noting:
        def record(self, number: int, *, at: float) -> OutRecord:
            handed.append((at, clock.now()))
            return made.record(number, at=at)

    plan = plan_of(profile=named("spike", rate=20, duration=10, peak_for=2))
    # when it is loaded
    done = send(plan, Noting(), Slow(clock), start=NOW, clock=clock, stop=Stop(), tick=lambda _: None)
    # then each was made for the moment it is due, in order, and never after the next one's
    assert [at for at, _ in handed] == pytest.approx([NOW + due for _, due in plan.profile.schedule()])
    assert all(before <= at for at, before in handed)
    assert (done.planned, done.offered, done.accepted, done.lost) == (560, 560, 560, 0)
    assert done.most_behind < 0.01
    assert done.elapsed == pytest.approx(10, abs=0.1)
    assert sum(second.events for second in done.seconds.values()) == 560
    assert done.seconds[5].events == 200


def test_latency_counts_from_when_an_event_was_due_also_when_the_stream_kept_the_sender_waiting() -> None:
    # given a stream that takes half a second for each call, of one event, one at a time, at ten events a second
    clock = VirtualClock(NOW)
    stream = Slow(clock, seconds=0.5)
    plan = plan_of(profile=named("steady", rate=10, duration=4), shares=Shares(duplicate=0, malformed=0))
    # when 40 events were due within 4 seconds
    done, _ = sent(plan, stream, clock)
    # then the calls look quick, and the events do not: what waited for its turn was due all the same
    assert done.accepted == 40
    assert done.latency("put", 0.99) == pytest.approx(0.5, rel=0.03)
    due = {record.event_id: place / 10 for place, record in enumerate(stream.records)}
    waited = sorted(stream.taken[event_id] - NOW - at for event_id, at in due.items())
    assert done.latency("response", 1.0) == pytest.approx(waited[-1], rel=0.03)
    assert (done.latency("response", 0.5) or 0) > 0.3


@given(st.lists(st.floats(2e-6, 100), min_size=1, max_size=60), st.floats(0, 1))
def test_a_histogram_s_quantile_is_right_to_two_per_cent_also_when_merged(values: list[float], share: float) -> None:
    first, second = Histogram(), Histogram()
    for place, value in enumerate(values):
        (first if place % 2 else second).add(value)
    first.merge(second.counts)
    exact = sorted(values)[max(1, -int(-share * len(values) // 1)) - 1]
    assert first.quantile(share) == pytest.approx(exact, rel=0.0201)


@pytest.mark.parametrize("processes", [1, 3])
def test_the_same_seed_sends_the_same_bytes_and_processes_share_every_number(processes: int) -> None:
    def run(seed: int) -> list[bytes]:
        found = []
        for process in range(processes):
            clock = VirtualClock(NOW)
            stream = Slow(clock)
            plan = plan_of(profile=named("ramp", rate=100, duration=4), seed=seed, process=process, processes=processes)
            done, _ = sent(plan, stream, clock)
            assert done.accepted == plan.planned
            found += [record.data for record in stream.records]
        return found

    first = run(7)
    assert len(first) == 200
    assert first == run(7)
    assert first != run(8)


def test_shares_of_hot_late_repeated_and_broken_events_are_as_asked_for() -> None:
    shares = Shares(hot=0.3, duplicate=0.1, late=0.1, malformed=0.1)
    content = MadeUp(seed=3, now=NOW, shares=shares)
    records = [content.record(number, at=NOW + number / 100) for number in range(3000)]
    keys = [record.partition_key for record in records]
    hot = max(set(keys), key=keys.count)
    assert 0.25 < keys.count(hot) / 3000 < 0.35
    broken = [record for record in records if record.event_id.startswith("malformed-")]
    ids = [record.event_id for record in records]
    assert 0.08 < len(broken) / 3000 < 0.12
    assert 0.08 < 1 - len(set(ids)) / 3000 < 0.12
    events = [msgspec.json.decode(record.data) for record in records if record not in broken]
    late = sum(event["created_at"] < "2026-03-01" for event in events)
    assert 0.08 < late / 3000 < 0.13


def test_events_are_created_when_they_are_due() -> None:
    content = MadeUp(seed=3, now=NOW, shares=Shares(late=0, skew=0, duplicate=0, malformed=0))
    event = msgspec.json.decode(content.record(0, at=NOW + 3600).data)
    assert "2026-03-01T11:59:59" <= event["created_at"] <= "2026-03-01T12:00:00.1"


ROWS = [{"body": f"text {number}", "user": f"u{number}", "created_at": "long ago"} for number in range(5)]


def test_a_file_s_rows_are_sent_over_and_over_each_time_as_an_event_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in ROWS) + b"{broken\n")
    events = read_events(
        str(path), columns={"text": "body", "author_id": "user"}, constants={"surface": "forum"}, defaults={}, now=NOW
    )
    assert len(events) == 5
    shares = Shares(duplicate=0.1, late=0.1, malformed=0.1, hot=0.2)
    content = FromFile(events, seed=1, shares=shares)
    records = [content.record(number, at=NOW + number) for number in range(1000)]
    again = FromFile(events, seed=1, shares=shares)
    assert records == [again.record(number, at=NOW + number) for number in range(1000)]
    good = [record for record in records if not record.event_id.startswith("malformed-")]
    assert 60 < 1000 - len(good) < 140
    assert 60 < len(good) - len({record.event_id for record in good}) < 140
    hot = 0
    for record in good:
        event = decode(record.data, datetime.fromtimestamp(NOW + 2000, UTC))
        assert isinstance(event, ContentEvent), event
        assert event.event_id == record.event_id
        assert event.surface == "forum"
        hot += event.content_id == "hot"
    assert 120 < hot < 260


def test_a_file_without_an_event_says_why(tmp_path: Path) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_bytes(b'{"a": 1}\n')
    with pytest.raises(SourceError, match=r"no row is an event; line 1: missing:.*--map"):
        read_events(str(path), columns={}, constants={}, defaults={}, now=NOW)


def test_aggregates_are_counted_by_event_and_measured_by_event() -> None:
    clock = VirtualClock(NOW)
    stream = Slow(clock)
    plan = plan_of(profile=named("steady", rate=500, duration=2), aggregate=True, buckets=2, linger=0.05)
    done, _ = sent(plan, stream, clock)
    assert (done.offered, done.accepted, done.lost) == (1000, 1000, 0)
    assert done.records == len(stream.records) < 500
    assert sum(done.response.values()) == 1000
    assert any(isinstance(aggregation.decode(record.data), list) for record in stream.records)


def test_a_wish_to_stop_ends_the_offering_and_what_was_offered_is_accounted_for() -> None:
    clock = VirtualClock(NOW)
    stop = Stop()
    stream = Slow(clock)

    def stopping(snapshot: Snapshot) -> None:
        if snapshot.elapsed > 1:
            stop.wish()

    plan = plan_of(profile=named("steady", rate=50, duration=100))
    done = send(plan, content_of(plan, now=NOW), stream, start=NOW, clock=clock, stop=stop, tick=stopping)
    assert done.is_interrupted
    assert 0 < done.offered == done.accepted < 200
    assert done.lost == 0


def test_events_that_delivery_gives_up_on_are_lost_and_named_by_reason() -> None:
    clock = VirtualClock(NOW)
    plan = plan_of(profile=named("steady", rate=50, duration=1))
    stream = FakeStream(lambda number, records: [THROTTLE] * len(records))
    done, _ = sent(plan, stream, clock)
    assert (done.accepted, done.lost) == (0, 50)
    assert done.failures == {"ProvisionedThroughputExceededException": 50}
    assert done.throttled > 50
    assert "add shards" in done.next_steps[0]


def test_parts_of_a_load_add_up() -> None:
    parts = [
        Snapshot(planned=5, offered=5, accepted=4, failed=1, failures={"x": 1}, records=4, bytes=40, elapsed=2.0,
                 put={3: 1}, response={9: 4}, seconds={0: Second(5, 50, 4)}, is_done=True),
        Snapshot(planned=5, offered=5, accepted=5, records=5, bytes=50, elapsed=3.0, put={3: 2}, response={9: 5},
                 seconds={0: Second(3, 30, 3), 1: Second(2, 20, 2)}, behind=0.5, most_behind=1.0),
    ]  # fmt: skip
    total = merged(parts)
    assert (total.planned, total.accepted, total.lost, total.elapsed, total.most_behind) == (10, 9, 1, 3.0, 1.0)
    assert (total.put, total.response, total.failures) == ({3: 3}, {9: 9}, {"x": 1})
    assert total.seconds == {0: Second(8, 80, 7), 1: Second(2, 20, 2)}
    assert not total.is_done
    assert msgspec.json.decode(msgspec.json.encode(total), type=Snapshot) == total


def test_shards_and_cost_follow_from_the_busiest_second_and_the_units() -> None:
    load = Snapshot(
        planned=10**6, offered=10**6, accepted=10**6, records=10**6, elapsed=3600.0, put_units=10**6, kilobytes=10**6,
        seconds={0: Second(100, 100, 100), 1: Second(2500, 3 * 1024 * 1024 + 1, 2000)},
    )  # fmt: skip
    assert load.shards_needed == 4
    found = cost(load, read_prices())
    assert found.provisioned == pytest.approx(4 * 0.015 + 0.014)
    assert found.on_demand == pytest.approx(0.04 + 1.024 * 0.08)
    shown = dict(rows(load, read_prices()))
    assert shown["shards needed"] == "4"
    assert "example" in found.prices_as_of
    assert recent_rate(load) == 0.0


def test_each_gate_is_judged_and_named() -> None:
    load = Snapshot(planned=100, offered=100, accepted=98, elapsed=10.0, response={})
    histogram = Histogram()
    histogram.add(0.05, 95)
    histogram.add(0.5, 5)
    load.response = histogram.counts
    assert Gates(max_lost=2, p95_ms=60, p99_ms=600, min_rate=9).missed(load) == []
    missed = Gates(max_lost=1, p95_ms=10, p99_ms=100, min_rate=10).missed(load)
    assert [line.split(":")[0] for line in missed] == ["--max-lost 1", "--p95-ms 10", "--p99-ms 100", "--min-rate 10"]
    assert Gates(p95_ms=1).missed(Snapshot()) == ["--p95-ms 1: nothing was accepted"]


# ---------------------------------------------------------------------------------------------------- the command


def run(*arguments: str, stream: Any = None, clock: VirtualClock | None = None, troubles: Sequence[str] = ()) -> Result:
    clock = clock or VirtualClock(NOW)
    world = World(
        stream_of=lambda stack: f"{stack}-content",
        connect=lambda name, in_flight: stream or Slow(clock),
        aggregate_troubles=lambda name: list(troubles),
        clock=clock,
    )
    return CliRunner().invoke(command, arguments, obj=world)


SHORT = ("--rate", "50", "--duration", "2s", "--in-flight", "1")


def test_a_load_is_told_in_words_and_as_json_and_can_be_repeated() -> None:
    result = run(*SHORT)
    assert result.exit_code == 0, result.output
    assert "100 of 100 accepted" in result.output
    assert "0 lost" in result.output
    assert "--seed 1 --as-of 2026-03-01T11:00:00.000000Z" in result.output
    summary = json.loads(run(*SHORT, "--json").stdout)
    assert (summary["planned"], summary["accepted"], summary["lost"], summary["missed_gates"]) == (100, 100, 0, [])
    assert summary["response_ms"]["p99"] >= summary["response_ms"]["p50"] > 0


def test_without_a_terminal_there_are_log_lines_every_few_seconds() -> None:
    result = run("--rate", "20", "--duration", "21s", "--in-flight", "1")
    lines = [line for line in result.stderr.splitlines() if line.startswith("elapsed")]
    assert 3 <= len(lines) <= 5
    for word in ("rate", "throttled", "retries", "put p50/p95/p99", "sent", "shards needed", "cost"):
        assert word in lines[0]


def test_exit_codes_tell_gates_losses_and_a_stream_that_is_gone_apart() -> None:
    assert run(*SHORT, "--max-lost", "0", "--min-rate", "30", "--p95-ms", "5000").exit_code == 0
    missed = run(*SHORT, "--min-rate", "80")
    assert missed.exit_code == 4
    assert "gate missed: --min-rate 80" in missed.output

    def losing(number: int, records: Sequence[OutRecord]) -> list[PutResult]:
        return [PutResult(None, None, "InternalFailure")] * len(records)

    assert run(*SHORT, stream=FakeStream(losing)).exit_code == 1
    assert run(*SHORT, "--max-lost", "5", stream=FakeStream(losing)).exit_code == 4
    assert run(*SHORT, "--max-lost", "100", stream=FakeStream(losing)).exit_code == 0

    def gone(number: int, records: Sequence[OutRecord]) -> list[PutResult]:
        raise StreamRefusedError(stream="content", region="here", code="ResourceNotFoundException", next_step="Look")

    refused = run(*SHORT, stream=FakeStream(gone))
    assert refused.exit_code == 3
    assert "stopped: stream content" in refused.output


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--rate", "5"),
        ("--duration", "5s"),
        ("--rate", "5", "--duration", "soon"),
        ("--rate", "5", "--duration", "5s", "--shape", "wave"),
        ("--rate", "5", "--duration", "5s", "--shape", "spike", "--peak-for", "9s"),
        ("--rate", "0.1", "--duration", "0ms"),
        ("--rate", "5", "--duration", "5s", "--content", "nowhere.jsonl"),
        ("--rate", "5", "--duration", "5s", "--prices", "nowhere.toml"),
        ("--rate", "5", "--duration", "5s", "--aggregate", "--buckets", "6"),
        ("--rate", "5", "--duration", "5s", "--hot", "2"),
        ("--rate", "5", "--duration", "5s", "--duplicates", "0.6", "--late", "0.6"),
        ("--rate", "5", "--duration", "5s", "--as-of", "yesterday"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_sent(arguments: tuple[str, ...]) -> None:
    stream = FakeStream()
    result = run(*arguments, stream=stream)
    assert result.exit_code == 2, result.output
    assert stream.taken == []
    assert "Traceback" not in result.output


def test_aggregates_are_refused_when_a_reader_cannot_read_them() -> None:
    assert run(*SHORT, "--aggregate").exit_code == 0
    result = run(*SHORT, "--aggregate", troubles=["function f reads the stream through a filter"])
    assert result.exit_code == 2
    assert "through a filter" in result.output


def test_without_pacing_what_is_throttled_is_sent_again_and_told() -> None:
    def throttling(number: int, records: Sequence[OutRecord]) -> list[PutResult] | None:
        return None if number else [THROTTLE] * len(records)

    summary = json.loads(run(*SHORT, "--no-pace", "--json", stream=FakeStream(throttling)).stdout)
    assert (summary["accepted"], summary["lost"]) == (100, 0)
    assert summary["throttled"] == summary["resent"] > 0


def test_a_profile_in_a_file_is_scaled_to_rate_and_duration(tmp_path: Path) -> None:
    path = tmp_path / "day.csv"
    path.write_text("t,rate\n0,1\n60,3\n")
    result = run("--shape", str(path), "--rate", "30", "--duration", "6s", "--json", "--in-flight", "1")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["planned"] == 120


def test_a_table_of_prices_of_one_s_own_is_used(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    table = tomllib.loads(SHIPPED.read_text("utf-8"))["kinesis"]
    own = dict.fromkeys(table, 0.0) | {"shard_hour": 1, "stream_hour": 2}
    kinesis = "".join(f"{name} = {own[name]}\n" for name in table)
    others = SHIPPED.read_text("utf-8").partition("[lambda]")
    path.write_text(f'as_of = "today"\n[kinesis]\n{kinesis}{others[1]}{others[2]}')
    spent = json.loads(run(*SHORT, "--json", "--prices", str(path)).stdout)["cost_usd"]
    assert spent["prices_as_of"] == "today"
    assert spent["on_demand"] == pytest.approx(2 * spent["provisioned"], rel=0.01)
