"""``python -m benchmarks.runtime``: how fast the laptop runtime is, from stream to Parquet, and where the CPU goes.

The runtime runs in this process, its functions in theirs, the producer (``streamkeeper produce``) in one of its own.
CPU is read from the system for each process, and for this one by thread; so the parts are what they cost whatever else
the machine does, and the rate is what it gave at the time.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.corpora import read_corpora
from benchmarks.workload import event_of
from infra.local.cloudformation.provision import read_template
from infra.local.twin import Twin

SHARDS = 16
WARM_UP = 2_000
"""Events before those that are measured: the functions' modules are read and their policy is made."""
TARGETS = {"plain": 12_000, "aggregated": 20_000, "pass": 40_000}
"""Events a second that are wanted of each kind, on two cores."""
PASSING = Path(__file__).with_name("passing") / "template.yaml"
"""A stack without moderation: what is left is the stream, the mapping and the delivery."""
_TICK = os.sysconf("SC_CLK_TCK")
_PARTS = (
    ("event-source", "mapping: events made, functions awaited, logs"),
    ("delivery", "Firehose: buffers, Parquet, objects"),
    ("twin-http", "HTTP"),
    ("Thread-", "HTTP"),
    ("MainThread", "drain: Firehose's buffers to Parquet"),
)
"""What a thread does, by how its name begins."""


@click.command(epilog="Example: python -m benchmarks.runtime --data ../shared/data --kind aggregated --events 60000")
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="Folder of public data.")
@click.option(
    "--kind",
    type=click.Choice([*TARGETS]),
    default="plain",
    show_default=True,
    help="pass: aggregated, through a function that hands records on instead of the stack's own.",
)
@click.option("--events", type=click.IntRange(1_000), default=60_000, show_default=True)
@click.option("--texts", default="Reddit comments", show_default=True, help="Which texts, see benchmarks/corpora.py.")
@click.option("--idle", is_flag=True, help="Measure the CPU of a runtime at rest instead, over 20 s.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(data: Path, kind: str, events: int, texts: str, idle: bool, as_json: bool) -> None:
    """Events a second from stream to Parquet under the default policy, and µs of CPU an event by part."""
    # As `up` does: Arrow would import it only to ask whether what it is given is of pandas.
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
    started = time.monotonic()
    own = PASSING if kind == "pass" else None
    twin = Twin(
        parameters={"ShardCount": SHARDS},
        template=read_template(own) if own else None,
        template_folder=own.parent if own else None,
    )
    with tempfile.TemporaryDirectory() as folder, twin:
        ready = time.monotonic() - started
        if idle:
            found = _idle(ready)
        else:
            first, source = Path(folder) / "first.jsonl", Path(folder) / "events.jsonl"
            # In a process of its own: what the texts and the files take is not the runtime's memory.
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                pool.apply(_write, (data, texts, {first: WARM_UP, source: events}))
            _run(twin, first, kind, WARM_UP)
            found = _run(twin, source, kind, events) | {"ready_s": round(ready, 1)}
    if as_json:
        click.echo(json.dumps(found))
        return
    for name, value in found.items():
        if isinstance(value, dict):
            click.echo(f"{name}:")
            for part, cost in sorted(value.items(), key=lambda item: -item[1]):
                click.echo(f"  {part:<50} {cost:>8.1f}")
        else:
            click.echo(f"{name:<52} {value:>8}")


def _write(data: Path, name: str, wanted: dict[Path, int]) -> None:
    """Writes so many events into each file, none of them twice."""
    texts = read_corpora(data)[name]
    now = datetime.now(UTC)
    numbers = itertools.count()
    for path, count in wanted.items():
        with path.open("wb") as file:
            for number in itertools.islice(numbers, count):
                # Once the texts are used up, they come again with a word more: nothing is met twice.
                text = texts[number % len(texts)] + (f" {number}" if number >= len(texts) else "")
                file.write(event_of(text, number, created_at=now) + b"\n")


def _run(twin: Twin, source: Path, kind: str, events: int) -> dict[str, Any]:
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": twin.endpoint_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": twin.region,
    }
    command = [sys.executable, "-m", "infra", "produce", "--from", str(source), "--stream"]
    command += [twin.outputs["ContentStreamName"], *(["--aggregate"] if kind != "plain" else [])]
    name = twin.outputs["VerdictsDeliveryStreamName"]
    already = twin.state()["delivery_streams"][name]["rows_out"]
    before, wall = _by_id(0), time.monotonic()
    most: dict[str, int] = {}
    with (
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as producer,
        _sampling(before, producer.pid, most) as seen,
    ):
        said = producer.communicate()[0]
        if producer.returncode:
            raise click.ClickException(said.decode())
        produced = time.monotonic() - wall
        outcome = twin.drain(1800)
    seconds = time.monotonic() - wall
    landed = twin.state()["delivery_streams"][name]["rows_out"] - already
    if not outcome["drained"] or landed != events:
        raise click.ClickException(f"{landed} of {events} landed")
    micros = {part: used / events * 1e6 for part, used in seen.items()}
    micros = {part: round(value, 1) for part, value in micros.items() if value >= 0.05}
    return {
        "events": events,
        "kind": kind,
        "seconds": round(seconds, 1),
        "seconds to produce": round(produced, 1),
        "events a second": round(events / seconds),
        "wanted": TARGETS[kind],
        "µs of CPU an event": round(sum(micros.values()), 1),
        "most memory, MB, by process": most,
        "µs of CPU an event, by part": micros,
    }


def _idle(ready: float) -> dict[str, Any]:
    time.sleep(5)
    before = _usage()
    time.sleep(20)
    used = {part: (value - before.get(part, 0.0)) / 20 * 100 for part, value in _usage().items()}
    return {
        "ready_s": round(ready, 1),
        "% of a CPU at rest": round(sum(used.values()), 2),
        "% by part": {part: round(value, 2) for part, value in used.items() if value > 0},
    }


@contextlib.contextmanager
def _sampling(before: dict[str, tuple[str, float]], producer: int, most: dict[str, int]) -> Iterator[dict[str, float]]:
    """What each part has used in the end; threads and processes that end meanwhile are counted as last seen.

    Args:
        most: gets the most memory that each process has had since its start, in MB.
    """
    seen: dict[str, float] = {}
    ended = threading.Event()
    by_id: dict[str, tuple[str, float]] = {}

    def look() -> None:
        by_id.update(_by_id(producer))
        totals: defaultdict[str, float] = defaultdict(float)
        for key, (part, value) in by_id.items():
            totals[part] += value - before.get(key, ("", 0.0))[1]
        seen.update(totals)
        seen.pop("thread sampling", None)
        for pid in (os.getpid(), *_below(os.getpid())):
            with contextlib.suppress(OSError, IndexError, ValueError):
                name = "runtime" if pid == os.getpid() else "producer" if pid == producer else _function(pid)
                most[name] = _most_memory(pid)

    def watch() -> None:
        while not ended.wait(1.0):
            look()

    watcher = threading.Thread(target=watch, name="sampling")
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()
        look()


def _usage() -> dict[str, float]:
    totals: defaultdict[str, float] = defaultdict(float)
    for part, value in _by_id(0).values():
        totals[part] += value
    return dict(totals)


def _by_id(producer: int) -> dict[str, tuple[str, float]]:
    """Seconds of CPU of each thread of this process and of each process below it, with the part that it belongs to."""
    found: dict[str, tuple[str, float]] = {}
    for thread in threading.enumerate():
        part = next((part for prefix, part in _PARTS if thread.name.startswith(prefix)), f"thread {thread.name}")
        with contextlib.suppress(OSError, IndexError):
            found[f"t{thread.native_id}"] = (part, _cpu(Path(f"/proc/self/task/{thread.native_id}/stat")))
    others = sum(value for _, value in found.values())
    whole = time.process_time()
    found["native"] = ("threads that are not Python's", max(0.0, whole - others))
    for pid in _below(os.getpid()):
        with contextlib.suppress(OSError, IndexError):
            name = "producer" if pid == producer else _function(pid)
            found[f"p{pid}"] = (name, _cpu(Path(f"/proc/{pid}/stat")))
    return found


def _cpu(stat: Path) -> float:
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _most_memory(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def _function(pid: int) -> str:
    variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    names = [v.partition(b"=")[2].decode() for v in variables if v.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")]
    return f"function {names[0]}" if names else "query process"


def _below(parent: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(entry.name))
    return found


if __name__ == "__main__":
    main()
