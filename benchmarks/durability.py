"""What ``up --data`` costs: records a second that the runtime accepts with a folder and without, in turn.

``python -m benchmarks.durability --rounds 5``: the ratio of the medians. Each round puts the same batches, with as many
clients at a time as a producer has.
"""

import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
from botocore.config import Config

from infra.demo import Runtime

CLIENTS = 4
_RECORD = b"x" * 1_000


def accepted_per_second(runtime: Runtime, *, stream: str, calls: int, batch: int) -> float:
    """Records a second, put in ``calls`` calls of ``batch``."""
    kinesis = runtime.client("kinesis", Config(retries={"total_max_attempts": 1}, max_pool_connections=CLIENTS))

    def put(number: int) -> None:
        entries = [{"Data": _RECORD, "PartitionKey": f"{number}-{at}"} for at in range(batch)]
        answer = kinesis.put_records(StreamName=stream, Records=entries)
        if answer["FailedRecordCount"]:
            raise RuntimeError("the stream has too few shards for this: records were throttled")

    put(-1)
    started = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(put, range(calls)))
    return calls * batch / (time.monotonic() - started)


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
@click.option("--calls", default=100, show_default=True, type=click.IntRange(1))
@click.option("--batch", default=500, show_default=True, type=click.IntRange(1, 500))
def main(rounds: int, calls: int, batch: int) -> None:
    """Compare accepted records a second with a folder and without."""
    scratch = Path(os.environ.get("SPOOL_SCRATCH", "build"))
    scratch.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="durability-") as place:
        # A stream of its own that nothing reads: the consumer's work would hide what the folder costs.
        rates: dict[str, list[float]] = {"without": [], "with": []}
        with Runtime(data=None, parameters={}) as without, Runtime(data=Path(place), parameters={}) as kept:
            for runtime in (without, kept):
                runtime.client("kinesis").create_stream(StreamName="rate", ShardCount=500)
            for _ in range(rounds):
                for name, runtime in (("without", without), ("with", kept)):
                    rates[name].append(accepted_per_second(runtime, stream="rate", calls=calls, batch=batch))
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, found in rates.items():
        print(f"{name:>7} a folder: median {medians[name]:,.0f} records/s of {', '.join(f'{r:,.0f}' for r in found)}")
    print(f"with / without: {medians['with'] / medians['without']:.2f}")


if __name__ == "__main__":
    main()
