"""kill -9 in a loop: a producer with a spool dies again and again, and every id that it accepted has to land.

``python -m benchmarks.kills --rounds 50 --seed 1``: prints what was lost, exit code 1 when it was anything.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct

from athena.aws.engine import AthenaEngine
from infra.demo import Lake, Runtime

_LANDED = "SELECT DISTINCT event_id FROM verdicts WHERE dt >= '2020-01-01'"
_FIRST_MOMENTS = 0.25
"""Share of the kills that come while the producer starts, which is when it opens its spool."""


class Kills(Struct, frozen=True, kw_only=True):
    """What became of the accepted ids.

    Args:
        rounds: how often the producer was killed.
        early: kills before it had said that it was ready.
        accepted: ids that ``put`` had returned for.
        lost: those of them that no verdict names.
        unsent: those of the lost that are not in the stream either: the producer's loss. The others the pipeline has
            quarantined, given up on, or not landed yet.
        is_drained: whether the pipeline had come to rest when ids were compared.
        unsaid: ids that landed though the producer died before it could write them down.
        left_over: records that the last flush found in the spool.
        seconds: of the loop.
    """

    rounds: int
    early: int
    accepted: int
    lost: frozenset[str]
    unsent: frozenset[str]
    is_drained: bool
    unsaid: int
    left_over: int
    seconds: float

    def __str__(self) -> str:
        where = f" ({len(self.unsent)} of them never in the stream)" if self.lost else ""
        rest = "" if self.is_drained else "; NOT DRAINED: the pipeline was still busy"
        return (
            f"{len(self.lost)} lost{where} of {self.accepted:,} accepted, in {self.rounds} rounds of kill -9 "
            f"({self.early} of them while starting), {self.seconds:.0f} s; the last flush found {self.left_over:,} "
            f"records in the spool; {self.unsaid:,} more landed that had not been called accepted yet{rest}"
        )


def kill_loop(
    folder: Path,
    *,
    stream: str,
    rounds: int,
    seed: int,
    drain: Callable[[], Mapping[str, Any]],
    landed: Callable[[], set[str]],
    in_stream: Callable[[], set[str]],
    on_round: Callable[[int], None] = lambda number: None,
) -> Kills:
    """Kills a producer ``rounds`` times at random moments, flushes its spool, and compares ids.

    The environment leads clients to the runtime.

    Args:
        folder: for the spool and the ids; empty.
        stream: to put on.
        rounds: how often.
        seed: of the moments.
        drain: lands what is in flight.
        landed: the event ids that verdicts name.
        in_stream: the event ids in the stream; asked only when something is missing.
        on_round: called after each.
    """
    chance = random.Random(seed)
    spool, accepted_file = folder / "spool", folder / "accepted"
    accepted_file.touch()
    started = time.monotonic()
    early = 0
    for number in range(rounds):
        is_early = chance.random() < _FIRST_MOMENTS
        early += not _one_life(
            [stream, str(spool), str(accepted_file), f"{seed}/{number}"],
            delay=chance.uniform(0.05, 0.6) if is_early else chance.uniform(0.01, 1.0),
            waits_for_ready=not is_early,
        )
        on_round(number + 1)
    left_over = _flush(spool, stream)
    is_drained = bool(drain()["drained"])
    seen = landed()
    accepted = set(accepted_file.read_text().split())
    lost = frozenset(accepted - seen)
    return Kills(
        rounds=rounds,
        early=early,
        accepted=len(accepted),
        lost=lost,
        unsent=lost - in_stream() if lost else frozenset(),
        is_drained=is_drained,
        unsaid=len(seen - accepted),
        left_over=left_over,
        seconds=time.monotonic() - started,
    )


def ids_in_stream(kinesis: Any, stream: str) -> set[str]:
    """The event ids of every record in the stream, each shard read to its end."""
    found: set[str] = set()
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        ).get("ShardIterator")
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
            found |= {msgspec.json.decode(record["Data"])["event_id"] for record in answer["Records"]}
            if not answer["Records"] and not answer["MillisBehindLatest"]:
                break
            iterator = answer.get("NextShardIterator")
            # A shard answers five times a second.
            time.sleep(0.21)
    return found


def _one_life(arguments: list[str], *, delay: float, waits_for_ready: bool) -> bool:
    """Whether the producer was ready when it was killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.mortal_producer", *arguments], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        if waits_for_ready and process.stdout.readline() != "ready\n":
            raise RuntimeError(f"the producer ended by itself, with exit code {process.wait()}")
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        return waits_for_ready or process.stdout.read() == "ready\n"


def _tell(number: int, rounds: int) -> None:
    if number % 10 == 0:
        print(f"round {number} of {rounds}", file=sys.stderr, flush=True)


def _flush(spool: Path, stream: str) -> int:
    if not spool.exists():
        # Every kill came before the producer had made it, so it had accepted nothing.
        return 0
    command = [sys.executable, "-m", "producers.commands.spool", "flush", "--stream", stream, "--wait", "300", "--json"]
    answer = subprocess.run([*command, str(spool)], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise RuntimeError(f"spool flush ended with {answer.returncode}: {answer.stdout}{answer.stderr}")
    found: int = msgspec.json.decode(answer.stdout)["found"]
    return found


@click.command()
@click.option("--rounds", default=50, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=1, show_default=True)
@click.option("--shards", default=4, show_default=True, type=click.IntRange(1, 100))
def main(rounds: int, seed: int, shards: int) -> None:
    """Kill a producer with a spool again and again; every accepted id has to land."""
    # The spool lies where real disks are: /tmp may be memory.
    scratch = Path(os.environ.get("SPOOL_SCRATCH", "build"))
    scratch.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=scratch, prefix="kills-") as place,
        Runtime(data=Path(place) / "runtime", parameters={"ShardCount": str(shards)}) as runtime,
    ):
        outputs = runtime.outputs
        lake = Lake(AthenaEngine(runtime.client("athena")), outputs["DatabaseName"], outputs["WorkGroupName"])
        producer = Path(place) / "producer"
        producer.mkdir()
        kills = kill_loop(
            producer,
            stream=outputs["ContentStreamName"],
            rounds=rounds,
            seed=seed,
            drain=lambda: runtime.drain(300),
            landed=lambda: {str(row[0]) for row in lake.run(_LANDED).rows},
            in_stream=lambda: ids_in_stream(runtime.client("kinesis"), outputs["ContentStreamName"]),
            on_round=lambda number: _tell(number, rounds),
        )
    print(kills)
    sys.exit(bool(kills.lost) or not kills.is_drained)


if __name__ == "__main__":
    main()
