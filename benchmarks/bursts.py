"""A burst of ten times the usual rate onto a stream that throttles: everything accepted has to land.

``python -m benchmarks.bursts --usual 400 --times 10 --seconds 60 --shards 2``: exit code 1 when anything was lost.
"""

import os
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import click

from athena.aws.engine import AthenaEngine
from benchmarks.mortal_producer import event
from glue.system_clock import SystemClock
from infra.demo import Lake, Runtime
from producers.aws.kinesis import KinesisStream
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import Delivery, open_delivery
from producers.spool.spool import Spool

_LANDED = "SELECT DISTINCT event_id FROM verdicts WHERE dt >= '2020-01-01'"


class Pressure:
    """Puts events at a rate, and remembers the worst of the spool."""

    def __init__(self, delivery: Delivery, spool: Spool | None) -> None:
        self.delivery = delivery
        self.spool = spool
        self.count = 0
        self.most_bytes = 0
        self.most_records = 0
        self.slowest_put = 0.0

    def hold(self, rate: float, seconds: float) -> float:
        """Puts ``rate`` events a second for so long; gives the rate that came of it."""
        started = time.monotonic()
        done = 0
        while (now := time.monotonic()) - started < seconds:
            due = int((now - started) * rate)
            while done < due:
                put = time.monotonic()
                self.delivery.put(event(f"burst/{self.count}"))
                self.slowest_put = max(self.slowest_put, time.monotonic() - put)
                done += 1
                self.count += 1
            if self.spool is not None:
                self.most_bytes = max(self.most_bytes, self.spool.size)
                self.most_records = max(self.most_records, self.spool.left)
            time.sleep(0.01)
        return done / (time.monotonic() - started)


@click.command()
@click.option("--usual", default=400.0, show_default=True, help="Events a second before and after the burst.")
@click.option("--times", default=10.0, show_default=True, help="How much more in the burst.")
@click.option("--seconds", default=60.0, show_default=True, help="How long the burst lasts.")
@click.option("--shards", default=2, show_default=True, type=click.IntRange(1, 100))
@click.option("--plain", is_flag=True, help="Without spool and without pacing, for comparison.")
def main(usual: float, times: float, seconds: float, shards: int, *, plain: bool) -> None:
    """A burst onto a stream that throttles, through a spool; every accepted id has to land."""
    scratch = Path(os.environ.get("SPOOL_SCRATCH", "build"))
    scratch.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=scratch, prefix="bursts-") as place,
        Runtime(data=Path(place) / "runtime", parameters={"ShardCount": str(shards)}) as runtime,
        nullcontext() if plain else Spool(Path(place) / "spool") as spool,
    ):
        outputs = runtime.outputs
        lake = Lake(AthenaEngine(runtime.client("athena")), outputs["DatabaseName"], outputs["WorkGroupName"])
        settings = DeliverySettings(durable_put=False, linger=0.1)
        stream = KinesisStream(outputs["ContentStreamName"])
        delivery = open_delivery(stream, clock=SystemClock(), settings=settings, spool=spool)
        pressure = Pressure(delivery, spool)
        print(f"{shards} shards take {shards * 1000:,}/s; {usual:,.0f}/s, then {usual * times:,.0f}/s", file=sys.stderr)
        rates = [pressure.hold(usual, 5), pressure.hold(usual * times, seconds), pressure.hold(usual, 5)]
        ended = time.monotonic()
        report = delivery.close(600)
        sent_after = time.monotonic() - ended
        drained = runtime.drain(300)["drained"]
        landed = {str(row[0]) for row in lake.run(_LANDED).rows}
    accepted = set(report.accepted_ids)
    lost = accepted - landed
    print(
        f"{len(lost)} lost of {len(accepted):,} accepted ({pressure.count:,} put), {len(landed):,} landed"
        f"{'' if drained else ' (NOT DRAINED)'}; burst at {rates[1]:,.0f}/s for {seconds:.0f} s after "
        f"{rates[0]:,.0f}/s; {report.throttled:,} throttled, {report.sent + report.resent:,} attempts = "
        f"{(report.sent + report.resent) / max(1, report.sent):.3f} a record; spool at most "
        f"{pressure.most_records:,} records, {pressure.most_bytes / 1e6:,.1f} MB; slowest put "
        f"{pressure.slowest_put * 1000:.0f} ms; {sent_after:.0f} s to send the rest"
    )
    sys.exit(bool(lost or landed - accepted or not drained))


if __name__ == "__main__":
    main()
