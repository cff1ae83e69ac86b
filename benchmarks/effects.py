"""``python -m benchmarks.effects``: what telling and keeping cost: the clients of botocore, against a sink process."""

import gc
import json
import platform
import statistics
import sys
import time
from typing import Any

import click

from benchmarks.__main__ import Context, spread
from benchmarks.handler import Bus, Streams, Table, make_handler
from benchmarks.sink import sink
from benchmarks.workload import event_of, kinesis_events
from consumers.aws.sinks import DynamoDBStatusTable, EventBridgeBus, FirehoseStreams, make_client
from consumers.moderation.policy import Policy

EVENTS = 2_000
TOLD = 0.06
"""The share that is acted on, about what a policy finds in comments."""
MOST_MICROS = 30.0
"""Of notices and statuses together, an event."""
POLICY = """
id = "effects"
[labels.spam]
review = 0.5
[[terms]]
rule = "phrases"
label = "spam"
score = 0.5
terms = ["free money"]
"""


def make_events() -> list[dict[str, object]]:
    """Events of which six in a hundred are acted on, 100 an invocation."""
    every = round(1 / TOLD)
    texts = ["free money for everybody here" if number % every == 0 else "nothing of note" for number in range(EVENTS)]
    return kinesis_events([event_of(text, number) for number, text in enumerate(texts)], records=100)


@click.command(epilog="Example: python -m benchmarks.effects --rounds 15 --json")
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(rounds: int, as_json: bool) -> None:
    """CPU of notices and statuses an event, when six in a hundred are acted on; fails above 30 µs."""
    events, context = make_events(), Context()
    with sink():
        streams = FirehoseStreams(make_client("firehose"))
        bus = EventBridgeBus(make_client("events"), "bus")
        table = DynamoDBStatusTable(make_client("dynamodb"), "statuses")
        policy = Policy.load(POLICY)
        handlers = {
            "no service": make_handler(policy, Streams(lambda _: None), Bus(), Table()),
            "rows": make_handler(policy, streams, Bus(), Table()),
            "rows, notices": make_handler(policy, streams, bus, Table()),
            "rows, notices, statuses": make_handler(policy, streams, bus, table),
        }
        micros: dict[str, list[float]] = {name: [] for name in handlers}
        for number in range(rounds + 1):
            for name, handler in handlers.items():
                gc.collect()
                begun = time.process_time()
                for event in events:
                    assert handler.handle(event, context) == {"batchItemFailures": []}
                if number:  # the first one warms up
                    micros[name].append((time.process_time() - begun) / EVENTS * 1e6)
    found: dict[str, Any] = {name: spread(values) for name, values in micros.items()}
    told = spread([all_ - rows for all_, rows in zip(micros["rows, notices, statuses"], micros["rows"], strict=True)])
    if as_json:
        print(json.dumps({"micros": found, "notices_and_statuses": told, "allowed": MOST_MICROS}))
    else:
        print(f"Python {platform.python_version()}; microseconds of CPU an event, {TOLD:.0%} acted on, real clients")
        for name, values in found.items():
            print(f"{name:<26}{values['median']:>7.1f}   ({values['min']:.1f} - {values['max']:.1f})")
        print(f"notices and statuses: {told['median']:.1f} ({told['min']:.1f} - {told['max']:.1f}); "
              f"allowed: {MOST_MICROS:.0f}")  # fmt: skip
    sys.exit(statistics.median([told["median"]]) > MOST_MICROS)


if __name__ == "__main__":
    main()
