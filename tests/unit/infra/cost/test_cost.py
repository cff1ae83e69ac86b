"""The bill that is foretold: its units against what the consumer really sends, its sums, and what it advises."""

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from consumers.archiving import archive
from consumers.effects import Destinations, Effects
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.pipeline import Consumer
from consumers.policies import read_policy
from consumers.ports import Status
from consumers.resend import Retry
from consumers.rows import RowMaker
from glue.archive import PackedObject
from glue.codec import Lateness
from glue.contract import Notice
from glue.prices import SHIPPED, read_prices
from infra.commands.cost import cost
from infra.cost.advice import changes, limits, variants
from infra.cost.bill import bill, total
from infra.cost.deployed import deployed_settings
from infra.cost.traffic import Traffic, read_traffic
from infra.cost.units import FIREHOSE_STEP, SECONDS, shards_needed, units
from infra.local.awslambda.documents import Origin, event
from infra.local.awslambda.driver import StreamSource
from infra.local.awslambda.lane import Invoke, Succeeded
from infra.local.awslambda.mapping import EventSourceMapping
from infra.local.awslambda.settings import Backoff, MappingSettings
from infra.local.cloudformation.provision import read_template
from infra.local.kinesis.shards import UNLIMITED
from infra.local.kinesis.streams import PutEntry, Streams
from tests.fakes.kinesis_events import NOW, kinesis_event, payload
from tests.fakes.stream import VirtualClock

SETTINGS = deployed_settings([], on_demand=False)
PRICES = read_prices()
MODERATOR = Moderator(Policy.load(read_policy("default")))


class Meter:
    """Counts what AWS would bill of what a consumer sends."""

    def __init__(self) -> None:
        self.verdicts = self.events = self.items = self.rows = 0

    def put(self, stream: str, records: Sequence[bytes]) -> Sequence[str | None]:
        assert stream == "verdicts"
        self.verdicts += sum(math.ceil(len(one) / FIREHOSE_STEP) * FIREHOSE_STEP for one in records)
        self.rows += sum(one.count(b"\n") for one in records)
        return [None] * len(records)


class Bus:
    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def put(self, notices: Sequence[Notice]) -> Sequence[str | None]:
        self.meter.events += sum(math.ceil(len(msgspec.json.encode(one)) / 65_536) for one in notices)
        return [None] * len(notices)


class Table:
    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def put(self, statuses: Sequence[Status]) -> Sequence[str | None]:
        self.meter.items += sum(math.ceil(len(msgspec.json.encode(one)) / 1024) for one in statuses)
        return [None] * len(statuses)


def metered(batch: int, text: str) -> tuple[Meter, Traffic]:
    """What one batch comes to, and the traffic that it is of."""
    meter, clock = Meter(), VirtualClock(NOW.timestamp() + 5)
    effects = Effects(
        Destinations("verdicts", "quarantine", 3600),
        streams=meter,
        bus=Bus(meter),
        statuses=Table(meter),
        clock=clock,
        retry=Retry(),
    )
    consumer = Consumer(RowMaker(MODERATOR, Lateness(), code_version="1.2.3"), effects, clock=clock)
    acted_on = batch // 20
    payloads = [payload(n, f"you stupid cunt, {text}" if n < acted_on else f"{n} {text}") for n in range(batch)]
    report = consumer.process(kinesis_event(payloads), deadline=clock.now() + 1e6)
    assert report.verdicts == meter.rows == batch
    size = round(sum(map(len, payloads)) / batch)
    traffic = Traffic(
        rate=batch / 10,
        size=size,
        peak=1.0,
        notice_share=report.notified / batch,
        status_share=report.statuses / batch,
        flag_share=0.0,
        bad_share=0.0,
    )
    return meter, traffic


@pytest.mark.parametrize("batch", [20, 300, 900])
@pytest.mark.parametrize("words", [2, 30, 150], ids=["short", "usual", "long"])
def test_the_units_are_those_of_what_the_consumer_sends_within_a_twentieth(batch: int, words: int) -> None:
    meter, traffic = metered(batch, "a calm remark on the weather here " * (words // 2))
    # One shard, and a window that gathers just this batch.
    settings = replace(SETTINGS, shards=1, batch_window=10.0, parallelization=1)
    month = units(traffic, settings)
    assert month.shards == 1
    batches = month.invocations * month.batch_events / batch
    assert month.verdicts_gb * 1e9 / batches == pytest.approx(meter.verdicts, rel=0.05)
    assert month.events_notified / batches == pytest.approx(meter.events, rel=0.05)
    assert month.writes / batches == pytest.approx(meter.items, rel=0.05)
    assert month.records == pytest.approx(batch / 10 * SECONDS)


def test_what_aws_rounds_up_is_rounded_up() -> None:
    one = units(Traffic(rate=1, size=321), SETTINGS)
    assert one.put_units == one.records
    assert units(Traffic(rate=1, size=26_000), SETTINGS).put_units == 2 * one.records


RATES = [(2.0, 321), (300.0, 321), (1000.0, 60), (40.0, 20_000)]


def archived(traffic: Traffic, seconds: float) -> tuple[list[PackedObject], int]:
    """What the archiver writes of so many seconds of traffic on one shard, and how often it is called."""
    streams = Streams(limits=UNLIMITED)
    stream = streams.create("content", shard_count=1, now=0.0)
    given = MappingSettings(
        uuid="a",
        function_arn="a",
        stream_arn=stream.arn,
        starting_position="TRIM_HORIZON",
        batch_size=SETTINGS.archive_batch,
        window_seconds=SETTINGS.archive_seconds,
        report_failures=True,
    )
    mapping = EventSourceMapping(
        given,
        StreamSource(streams, stream),
        region="us-east-1",
        role_arn=lambda: "arn:aws:iam::000000000000:role/streamkeeper-ArchiveRole-ABCDEFGHIJKL",
        backoff=Backoff(),
        new_id=lambda: "id",
    )
    mapping.start(0.0)
    objects: list[PackedObject] = []
    calls = 0
    step = max(1.0, 1 / traffic.rate)
    count = round(seconds / step)
    for tick in range(count + 1):
        now = tick * step
        entries = [PutEntry(b"x" * traffic.size, "k" * traffic.key_bytes, None)] * round(traffic.rate * step)
        if tick < count:
            streams.put(stream, entries, now=now)
        tasks = mapping.step(now)
        while tasks:
            for task in tasks:
                assert isinstance(task.action, Invoke)
                calls += 1
                origin = Origin(stream_arn=stream.arn, shard_id=task.shard_id, region="us-east-1", role_arn="r")
                archive(event(task.action.records, origin), objects.append)
                mapping.finished(task, Succeeded(), now)
            tasks = mapping.step(now)
    return objects, calls


@pytest.mark.parametrize(("rate", "size"), RATES)
def test_requests_of_the_archiver_are_those_that_the_runtime_counts_within_a_twentieth(rate: float, size: int) -> None:
    traffic = Traffic(rate=rate, size=size, peak=1.0)
    month = units(traffic, replace(SETTINGS, shards=1))
    assert month.shards == 1
    # Long enough for some batches, whole ones.
    seconds = round(3 * SECONDS / month.archive_invocations)
    objects, calls = archived(traffic, seconds)
    assert sum(one.records for one in objects) == pytest.approx(rate * seconds, rel=0.4)
    each = sum(one.records for one in objects) / len(objects)
    assert each == pytest.approx(month.archive_batch_events, rel=0.05)
    assert len(objects) == calls
    assert month.archive_objects == pytest.approx(month.records / each, rel=0.05)


def test_the_default_costs_at_most_a_quarter_of_a_dollar_a_million_and_the_archive_hardly_more_than_it_holds() -> None:
    traffic = Traffic(rate=1000)
    month = units(traffic, SETTINGS)
    lines = bill(month, SETTINGS, PRICES)
    assert total(lines) / month.records * 1e6 <= 0.24
    archive_ = sum(line.dollars for line in lines if (line.service, line.what) == ("Lambda", "archive"))
    assert archive_ < 5
    assert month.archive_gb_kept + month.archive_gb_rare < 1.05 * month.records * 321 / 1e9 * 400 / (730 / 24)


@pytest.mark.parametrize(
    ("traffic", "shards"), [((1000, 321, 1.0), 1), ((1001, 321, 1.0), 2), ((100, 64_000, 2.0), 13)]
)
def test_shards_follow_records_and_bytes_of_the_peak(traffic: tuple[float, int, float], shards: int) -> None:
    rate, size, peak = traffic
    assert shards_needed(Traffic(rate=rate, size=size, peak=peak)) == shards


def test_the_bill_grows_with_the_load_and_its_lines_add_up() -> None:
    bills = [total(bill(units(Traffic(rate=rate), SETTINGS), SETTINGS, PRICES)) for rate in (1, 10, 100, 1000)]
    assert bills == sorted(bills)
    lines = bill(units(Traffic(rate=10), SETTINGS), SETTINGS, PRICES)
    assert total(lines) == pytest.approx(sum(line.dollars for line in lines))
    assert all(line.dollars >= 0 for line in lines)


def test_each_advised_change_saves_what_it_says() -> None:
    traffic = Traffic(rate=1000)
    found = {change.change: change.saves for change in changes(traffic, SETTINGS, PRICES)}
    assert list(found.values()) == sorted(found.values(), reverse=True)
    before = total(bill(units(traffic, SETTINGS), SETTINGS, PRICES))
    short = replace(SETTINGS, retention_hours=24)
    after = total(bill(units(traffic, short), short, PRICES))
    assert found["StreamRetentionHours=24"] == pytest.approx(before - after)


def test_variants_are_the_four_deployments_and_one_of_them_is_the_bill() -> None:
    traffic = Traffic(rate=1000)
    found = {(one.stream, one.aggregate): one.dollars for one in variants(traffic, SETTINGS, PRICES)}
    assert set(found) == {(stream, many) for stream in ("provisioned", "on-demand") for many in (1, 50)}
    assert found["provisioned", 1] == pytest.approx(total(bill(units(traffic, SETTINGS), SETTINGS, PRICES)))


def test_limits_grow_with_the_load_and_the_most_used_comes_first() -> None:
    now = limits(Traffic(rate=1000), SETTINGS, large_region=True)
    grown = {one.what: one.used for one in limits(Traffic(rate=10_000), SETTINGS, large_region=True)}
    assert [one.used for one in now] == sorted((one.used for one in now), reverse=True)
    assert grown["shards: records"] == pytest.approx(7.5)
    small = {one.what: one.used for one in limits(Traffic(rate=1000), SETTINGS, large_region=False)}
    assert small["Firehose: bytes put a second"] == pytest.approx(5 * grown["Firehose: bytes put a second"] / 10)


def test_the_command_says_it_all_as_text_and_as_json() -> None:
    shown = CliRunner().invoke(cost, ["--rate", "1000", "--compare"])
    assert shown.exit_code == 0, shown.output
    assert "What to change first" in shown.output
    said = json.loads(CliRunner().invoke(cost, ["--rate", "1000", "--compare", "--json"]).output)
    assert said["total"] == pytest.approx(sum(line["dollars"] for line in said["lines"]))
    assert len(said["variants"]) == 4
    assert f"{said['total']:,.2f}" in shown.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--rate is missing"),
        (["--rate", "0"], "--rate"),
        (["--rate", "10", "--parameter", "ShardCount"], "NAME=VALUE"),
        (["--rate", "10", "--parameter", "ShardCount=0"], "ShardCount"),
        (["--rate", "10", "--parameter", "Nonsense=0"], "Nonsense"),
    ],
)
def test_wrong_use_is_named(arguments: list[str], said: str) -> None:
    answer = CliRunner().invoke(cost, arguments)
    assert answer.exit_code == 2
    assert said in answer.output


@pytest.mark.parametrize(
    "text", ["rate = 'much'", "rate = 5\nnotice_share = 2.0", "rate = 5\nfoo = 1", "rate =", "rate = -1"]
)
def test_a_profile_that_is_not_one_is_refused_with_what_is_allowed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "traffic.toml"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"traffic\.toml: .*allowed: rate, size"):
        read_traffic(path, rate=None, size=None)


def test_prices_are_a_file_that_anybody_can_change_and_a_missing_price_is_named(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text(SHIPPED.read_text().replace("million_put_units = 0.014", "million_put_units = 0.028"))
    traffic = Traffic(rate=1000)
    month = units(traffic, SETTINGS)
    dearer = total(bill(month, SETTINGS, read_prices(path))) - total(bill(month, SETTINGS, PRICES))
    assert dearer == pytest.approx(month.put_units / 1e6 * 0.014)
    path.write_text(SHIPPED.read_text().replace("stream_hour = 0.04 ", ""))
    with pytest.raises(ValueError, match="stream_hour"):
        read_prices(path)


@pytest.mark.parametrize("read", [read_prices, lambda path: read_traffic(path, rate=None, size=None)])
def test_a_file_of_prices_or_traffic_that_is_nested_without_end_is_refused_as_any_other(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "deep.toml"
    path.write_text("rate = " + "[" * 10_000)
    with pytest.raises(ValueError, match="allowed:"):
        read(path)


def test_alarms_are_counted_by_their_metrics_where_the_stack_has_them() -> None:
    usual, webhook = SETTINGS.alarms, deployed_settings(["Webhook=on"], on_demand=False).alarms
    template = read_template()["Resources"].values()
    alarms = [one for one in template if one["Type"] == "AWS::CloudWatch::Alarm"]
    always = [one for one in alarms if "Condition" not in one]
    assert usual > len(always)
    assert webhook > usual
