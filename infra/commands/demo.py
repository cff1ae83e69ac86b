"""``streamkeeper demo``: the main job once, with every record accounted for by id."""

import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from glue.terminal.commands import command
from glue.terminal.errors import CommandError, exit_codes_help
from glue.terminal.progress import progress

SHARDS = 16
PARAMETERS = {"ShardCount": str(SHARDS), "LateAfterMinutes": "1500"}
"""A day comes at once, so late is what is older than that day."""
DATA = Path(".streamkeeper/demo")
DRAIN_TIMEOUT_S = 900.0
HOURS_SHOWN = 8
_REASONS = "SELECT reason, count(*) AS records FROM quarantine WHERE dt >= ? GROUP BY reason ORDER BY 2 DESC, 1"
_CURRENT = "SELECT count(*), count(DISTINCT event_id) FROM current_verdicts WHERE dt >= ?"

TO_TRY_NEXT = (
    ".venv/bin/streamkeeper up --data {data}    # this lake again; paste its lines elsewhere, then:",
    ".venv/bin/streamkeeper dashboard             # in the browser",
    ".venv/bin/streamkeeper audit --settle 0      # compares the archive with what landed, by id",
    ".venv/bin/streamkeeper report top_authors",
    ".venv/bin/streamkeeper query \"SELECT excerpt FROM current_verdicts WHERE action = 'block' LIMIT 10\"",
    ".venv/bin/streamkeeper produce --from your.jsonl --map text=body --shift-time",
)
"""Every one of them is run by tests/recommended."""


@command(
    epilog="""\b
Examples:
  streamkeeper demo
  streamkeeper demo --events 10000 --seed 7 --json

"""
    + exit_codes_help(
        done="every record is accounted for",
        failed="a record is unaccounted for, or was counted twice",
        stopped="nothing keeps running",
    )
)
@click.option(
    "--events", default=100_000, show_default=True, type=click.IntRange(1, 5_000_000), help="How many to make."
)
@click.option("--seed", default=1, show_default=True, help="Another seed makes other content; the same one, the same.")
@click.option(
    "--data",
    default=DATA,
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for what lands; emptied first.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as one JSON object.")
def demo(*, events: int, seed: int, data: Path, as_json: bool) -> None:
    """Run the whole pipeline on this machine once: produce, moderate, land, and answer in SQL.

    Starts the laptop runtime from infra/aws/template.yaml in a process of its own, puts made-up content on the stream
    (several languages, spam, insults, personal data, obfuscation, hot authors, a few records that are broken on
    purpose), waits until nothing is in flight, and says what became of every record.
    """
    show = Console(stderr=as_json, highlight=False)
    started = time.monotonic()
    _empty(data)
    figures = _Run(show, events=events, seed=seed, data=data).figures()
    figures["seconds"]["all"] = round(time.monotonic() - started, 1)
    if as_json:
        click.echo(json.dumps(figures))
    else:
        _print_next(show, figures, data)
    if not figures["balanced"]:
        raise CommandError("the sets of ids do not agree: see unaccounted, ghosts and doubled above")


class _Run:
    def __init__(self, show: Console, *, events: int, seed: int, data: Path) -> None:
        self._show = show
        self._events = events
        self._seed = seed
        self._data = data
        self._seconds: dict[str, float] = {}

    def figures(self) -> dict[str, Any]:
        from infra import demo as job

        self._show.print("[bold]Streamkeeper[/]: the whole pipeline on this machine, from infra/aws/template.yaml\n")
        with self._step("start") as said, self._waiting("starting the stack"):
            try:
                runtime = job.Runtime(data=self._data, parameters=PARAMETERS)
            except RuntimeError as error:
                raise CommandError(f"{error}; what it said stands above") from error
            said.append(f"Kinesis ({SHARDS} shards), Lambda, Firehose, S3, Glue, Athena at {runtime.endpoint_url}")
        with runtime:
            produced = self._produce(job, runtime)
            self._drain(runtime, len(produced.places))
            return self._ask(job, runtime, produced)

    def _produce(self, job: Any, runtime: Any) -> Any:
        from producers.ports import OutRecord
        from producers.synthetic.content import synthetic

        with self._step("produce") as said:
            made = synthetic(self._events, seed=self._seed, now=time.time())
            records = [OutRecord(one.event_id or one.kind, one.partition_key, one.payload) for one in made]
            with progress("  producing", len(records), unit="records") as advance:
                produced = job.produce(runtime, records, advance)
            report = produced.report
            said.append(
                f"{report.accepted:,} records ({report.bytes_sent / 1e6:,.1f} MB) in {report.calls:,} PutRecords "
                f"calls, {report.accepted / produced.seconds:,.0f}/s; {report.throttled:,} throttled and sent again, "
                f"{len(report.failed_ids):,} failed"
            )
        if report.failed_ids:
            why = runtime.state().get("failure") or "its messages stand above"
            raise CommandError(f"the laptop runtime refused {len(report.failed_ids):,} records: {why}")
        return produced

    def _drain(self, runtime: Any, total: int) -> None:
        from infra.local.asking import NotThereError

        with self._step("moderate") as said:
            outcome: dict[str, Any] = {}

            def land() -> None:
                # On Ctrl-C the runtime ends while it is asked.
                with suppress(NotThereError):
                    outcome.update(runtime.drain(DRAIN_TIMEOUT_S))

            drain = threading.Thread(target=land)
            drain.start()
            with progress("  moderating", total, unit="records") as advance:
                while drain.is_alive():
                    drain.join(0.25)
                    if drain.is_alive() and sys.stderr.isatty():
                        advance(_moderated(runtime.state()))
            if not outcome.get("drained"):
                raise CommandError(f"still in flight after {DRAIN_TIMEOUT_S:.0f} s: {outcome or 'no answer'}")
            said.append("consumers at the stream's end, buffers flushed to S3")

    def _ask(self, job: Any, runtime: Any, produced: Any) -> dict[str, Any]:
        from athena import reports
        from athena.aws.engine import AthenaEngine

        outputs = runtime.outputs
        lake = job.Lake(AthenaEngine(runtime.client("athena")), outputs["DatabaseName"], outputs["WorkGroupName"])
        # Athena's timestamps are milliseconds.
        now = datetime.now(UTC).replace(microsecond=0)
        first_day = f"'{(now - timedelta(days=31)).date()}'"
        period = {"since": now - timedelta(hours=24), "until": now}
        with self._step("ask") as said, self._waiting("asking Athena"):
            books = job.account(runtime, produced, lake, since=first_day)
            reasons = lake.run(_REASONS, [first_day])
            [(rows, current)] = lake.run(_CURRENT, [first_day]).rows
            answers = {
                name: reports.run(
                    reports.load(name), period, lake.engine, database=lake.database, workgroup=lake.workgroup
                )
                for name in ("actions_by_hour", "actions_by_label", "latency")
            }
            scanned = sum(answer.bytes_scanned for answer in answers.values())
            took = sum(answer.engine_ms for answer in answers.values())
            said.append(f"Athena SQL over Parquet; three reports scanned {scanned / 1e6:,.1f} MB in {took:,} ms")
        sent = set(produced.places.values())
        # After a drain that went through nothing is in flight, so whatever is missing is lost.
        in_flight = _in_flight(runtime.state())
        figures = {
            "produced": len(books.accepted),
            "events": len(sent),
            "landed": len(books.landed),
            "quarantined": len(books.quarantined),
            "dead_lettered": len(books.dead_lettered),
            "in_flight": in_flight,
            "unaccounted": max(0, len(books.missing) - in_flight),
            "ghosts": len(books.ghosts),
            "doubled": len(books.doubled),
            "balanced": books.balanced and rows == current and not produced.report.failed_ids,
            "current_verdicts": rows,
            "quarantined_by_reason": {str(reason): count for reason, count in reasons.rows},
            "hops": {
                str(row["hop"]): row for row in answers["latency"].records() if row["hop"] == "arrived_to_decided"
            },
            "seconds": self._seconds,
            "lake": f"s3://{outputs['LakeBucketName']}/verdicts/",
        }
        _print_books(self._show, figures)
        _print_trend(self._show, answers)
        return figures

    @contextmanager
    def _step(self, name: str) -> Iterator[list[str]]:
        said: list[str] = []
        begun = time.monotonic()
        yield said
        self._seconds[name] = round(time.monotonic() - begun, 1)
        self._show.print(f"  [bold]{name:<9}[/]{self._seconds[name]:>6.1f} s  {' '.join(said)}", soft_wrap=True)

    @contextmanager
    def _waiting(self, label: str) -> Iterator[None]:
        console = Console(stderr=True)
        if not console.is_terminal:
            yield
            return
        with console.status(f"  {label} ..."):
            yield


def _moderated(state: dict[str, Any]) -> int:
    """Records that the consumer is done with, by the mapping's own count."""
    return sum(int(mapping["counters"]["succeeded"]) for mapping in state["mappings"].values())


def _in_flight(state: dict[str, Any]) -> int:
    """Records that are not yet checkpointed, and rows that wait in a buffer."""
    undone = sum(shard["undone"] for mapping in state["mappings"].values() for shard in mapping["shards"].values())
    return int(undone + sum(stream["buffered_records"] for stream in state["delivery_streams"].values()))


# What the runtime makes in a folder that is given to it.
DATA_FOLDER = ("owner", "runtime.sqlite", "runtime.sqlite-wal", "runtime.sqlite-shm", "s3", "incoming", "objects.json")


def _empty(data: Path) -> None:
    if not data.exists():
        return
    strange = [path.name for path in data.iterdir() if path.name not in DATA_FOLDER]
    if strange:
        raise CommandError(f"{data} holds {strange[0]!r}, which no demo made; empty it yourself or give another --data")
    shutil.rmtree(data)


def _print_books(show: Console, figures: dict[str, Any]) -> None:
    show.print("\n[bold]What became of every record[/], as sets of (shard, sequence number)\n")
    mark = "[green]nothing unaccounted[/]" if figures["balanced"] else "[red]the sets of ids do not agree[/]"
    by_reason = [f"{reason} {count}" for reason, count in figures["quarantined_by_reason"].items()]
    reasons = ", ".join(by_reason[:6]) + (f" and {len(by_reason) - 6} more reasons" if len(by_reason) > 6 else "")
    for name, note in (
        ("produced", "accepted by the stream"),
        ("landed", f"as Parquet; current_verdicts holds {figures['current_verdicts']:,} events, each once"),
        ("quarantined", reasons),
        ("dead_lettered", "in batches that Lambda gave up on"),
        ("in_flight", "not yet moderated, or in a buffer"),
        ("unaccounted", mark),
    ):
        show.print(f"  {name.replace('_', '-'):<14}{figures[name]:>9,}  {note}", soft_wrap=True)


def _print_trend(show: Console, answers: dict[str, Any]) -> None:
    from athena.engine import Answer
    from athena.output import print_table

    hours: Answer = answers["actions_by_hour"]
    latest = Answer(
        columns=hours.columns, rows=hours.rows[-HOURS_SHOWN:], bytes_scanned=0, engine_ms=0, query_id=hours.query_id
    )
    show.print("\n[bold]The last hours[/], by Athena SQL: streamkeeper report actions_by_hour\n")
    print_table(latest, show.file)
    show.print("\n[bold]What was found[/]: streamkeeper report actions_by_label\n")
    print_table(answers["actions_by_label"], show.file)


def _print_next(show: Console, figures: dict[str, Any], data: Path) -> None:
    hop = figures["hops"].get("arrived_to_decided", {})
    seconds = figures["seconds"]
    lines = (
        f"to the stream {seconds['produce']} s; stream to verdict p50 {hop.get('p50')} s, p99 {hop.get('p99')} s "
        "(a backlog: all came at once);",
        "verdict to Parquet at the end of the drain, which does not wait for Firehose's buffers as AWS does "
        f"(LandingIntervalSeconds); SQL {seconds['ask']} s;",
        f"everything {seconds['all']} s",
    )
    show.print("\n[bold]How long each hop took[/]: " + "\n  ".join(lines), soft_wrap=True)
    show.print(f"\n[bold]The Parquet[/] lies in {figures['lake']}, here as files under {data}/s3", soft_wrap=True)
    show.print("\n[bold]What to try next[/]")
    for line in TO_TRY_NEXT:
        show.print(f"  {line.format(data=data)}", soft_wrap=True, markup=False)
