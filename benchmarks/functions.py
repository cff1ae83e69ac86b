"""The figures that a bill is foretold from, as they are now: ``python -m benchmarks.functions``.

Synthetic events go through the moderating function's and the archiver's code, as Lambda hands them over and with the
clients of botocore, against a sink process. CPU seconds of this process are counted, not the clock: with one CPU a
function takes as long, and the time in which it waits for an answer besides.
"""

import json
import time
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from benchmarks.__main__ import Context
from benchmarks.handler import make_handler
from benchmarks.sink import sink
from benchmarks.workload import ARRIVAL, kinesis_events
from consumers.archiving import archive
from consumers.aws.sinks import FirehoseStreams, make_client
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.ports import Status
from glue.archive import PackedObject
from glue.contract import Notice
from infra.cost.traffic import Traffic
from producers.synthetic.content import synthetic

SMALL, LARGE = 50, 500


class Kept:
    """A bus and a table that keep what they get."""

    def __init__(self) -> None:
        self.got: list[Any] = []

    def put(self, some: Sequence[Notice] | Sequence[Status]) -> Sequence[str | None]:
        """Takes all of it."""
        self.got += some
        return [None] * len(some)


@click.command(epilog="Example: python -m benchmarks.functions --events 20000 --json")
@click.option("--events", type=click.IntRange(1_000), default=10_000, show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(events: int, rounds: int, as_json: bool) -> None:
    """Shares, sizes and CPU beside those that ``streamkeeper cost`` uses unless it is told otherwise."""
    payloads = _payloads(events, 3)
    size = round(sum(map(len, payloads)) / events)
    bus, table = Kept(), Kept()
    with sink():
        firehose = FirehoseStreams(make_client("firehose"))
        handle = make_handler(Policy.load(read_policy("default")), firehose, bus, table).handle
        given = _batches(payloads, LARGE)
        for one in given:
            handle(json.loads(one), Context())
        acted = [one.action for one in bus.got]
        seen = {
            "size": size,
            "notice_share": sum(action != "flag" for action in acted) / events,
            "flag_share": acted.count("flag") / events,
            "status_share": (len(table.got) - acted.count("flag")) / events,
            "notice_bytes": _average(bus.got),
            "status_bytes": _average(table.got),
        }
        spent = {}
        for many in (SMALL, LARGE):
            # Events that were not met before: what the function remembers of texts is not counted twice.
            fresh = [_payloads(events, many + number) for number in range(rounds)]
            spent[many] = min(_cpu(handle, _batches(some, many)) for some in fresh)
    each = (spent[LARGE] - spent[SMALL]) / (LARGE - SMALL)
    seen["event_seconds"], seen["batch_seconds"] = each, spent[SMALL] - SMALL * each
    usual = Traffic(rate=1, size=size)
    reckoned = usual.batch_seconds + LARGE * usual.event_seconds
    objects: list[PackedObject] = []
    begun = time.process_time()
    for one in given:
        archive(json.loads(one), objects.append)
    seen["archive_mb_seconds"] = (time.process_time() - begun) / (size * events / 1e6)
    if as_json:
        print(json.dumps({"seen": seen, "used": {name: getattr(usual, name) for name in seen}}))
        return
    for name, value in seen.items():
        print(f"{name:<20} {value:>12.6f}   used: {getattr(usual, name):.6f}")
    print(f"a batch of {LARGE}: {spent[LARGE] * 1000:.1f} ms of CPU; foretold {reckoned * 1000:.1f} ms")


def _payloads(events: int, seed: int) -> list[bytes]:
    return [one.payload for one in synthetic(events, seed=seed, now=ARRIVAL.timestamp())]


def _batches(payloads: list[bytes], many: int) -> list[bytes]:
    """Events of Lambda, as they come in."""
    return [json.dumps(one).encode() for one in kinesis_events(payloads, records=many)]


def _average(documents: Sequence[Any]) -> int:
    return round(sum(len(msgspec.json.encode(one)) for one in documents) / max(1, len(documents)))


def _cpu(handle: Any, batches: Sequence[bytes]) -> float:
    """CPU seconds of a batch."""
    begun = time.process_time()
    for one in batches:
        handle(json.loads(one), Context())
    return (time.process_time() - begun) / len(batches)


if __name__ == "__main__":
    main()
