"""``make bench``: the consumer's rate beside the usual handler's, interleaved, in one run, per second of CPU.

python -m benchmarks [--rounds N] [--json]
"""

import argparse
import gc
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from benchmarks.floor import floor
from benchmarks.handler import make_stubbed
from benchmarks.peer import Peer
from benchmarks.workload import Workload, kinesis_events, make_workload

Events = list[dict[str, object]]
Contestant = Callable[[Events], None]

PEER_EVENTS = 500
"""In a round: it takes so long for each that rounds would last too long to be compared."""

NAMES = {"ours": "", "velocity": ", floods, repeats", "model": ", model on"}
"""What is on that the usual handler has not."""

SHAPES = {"100": (100, 1), "1,000": (1000, 1), "20 x 100 aggregated": (20, 100)}

TARGETS = {"100": 25, "1,000": 20, "20 x 100 aggregated": 20}
"""How many times the usual handler's rate this one has to reach, by shape."""
MODEL_TARGET = 10


class Context:
    """What Powertools and the handler ask of a Lambda context."""

    function_name = "bench"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:bench"
    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 when an outcome differs or the rate is below the target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each, interleaved (default 15)")
    parser.add_argument("--terms", type=int, default=1000, help="terms in the policy (default 1000)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args(arguments)

    workload = make_workload(4000, terms=options.terms)
    differing, actions = compare_outcomes(workload)
    if differing:
        print(f"{differing} of {len(workload.payloads)} events have another action", file=sys.stderr)
        return 1
    results = {shape: measure(workload, *how, rounds=options.rounds) for shape, how in SHAPES.items()}
    if options.json:
        print(json.dumps({"events": len(workload.payloads), "actions": actions, "shapes": results}))
    else:
        report(results, actions, options.terms)
    missed = [
        f"{shape}: {result[name]['median']:.1f} times the usual handler; wanted: {wanted}"
        for shape, result in results.items()
        for name, wanted in (
            ("ratio", TARGETS[shape]),
            ("velocity_ratio", TARGETS[shape]),
            ("model_ratio", MODEL_TARGET),
        )
        if result[name]["median"] < wanted
    ]
    print("\n".join(missed), file=sys.stderr, end="\n" if missed else "")
    return int(bool(missed))


def compare_outcomes(workload: Workload) -> tuple[int, dict[str, int]]:
    """How many events get another action from the two handlers, and how many get which."""
    ours: dict[str, str] = {}
    theirs: dict[str, str] = {}

    def read(into: dict[str, str], data: bytes) -> None:
        for line in data.splitlines():
            row = msgspec.json.decode(line)
            into[row["event_id"]] = row["action"]

    def read_all(into: dict[str, str], datas: Iterable[bytes]) -> None:
        for data in datas:
            read(into, data)

    handler = make_stubbed(workload.policy(), lambda records: read_all(ours, records))
    peer = Peer(workload, lambda records: read_all(theirs, (record["Data"] for record in records)))
    for event in kinesis_events(workload.payloads, records=100):
        answers = handler.handle(event, Context()), peer.handle(event, Context())
        if answers[0] != answers[1] or answers[0] != {"batchItemFailures": []}:
            raise SystemExit(f"a handler did not take the batch: {answers}")
    if not len(ours) == len(theirs) == len(workload.payloads):
        raise SystemExit(f"{len(workload.payloads)} events, but {len(ours)} and {len(theirs)} rows")
    actions: dict[str, int] = {}
    for action in theirs.values():
        actions[action] = actions.get(action, 0) + 1
    return sum(ours[event_id] != theirs[event_id] for event_id in theirs), actions


def measure(workload: Workload, records: int, aggregated: int, *, rounds: int) -> dict[str, Any]:
    """Events per CPU second of all five, and the ratio in each round."""
    context = Context()
    handler = make_stubbed(workload.policy(), lambda _: None).handle
    with_velocity = make_stubbed(workload.policy(velocity=True), lambda _: None).handle
    with_model = make_stubbed(workload.policy(model=True), lambda _: None).handle
    peer = Peer(workload, lambda _: None).handle
    events = kinesis_events(workload.payloads, records=records, aggregated=aggregated)
    # Powertools does not open aggregates: the usual handler gets the same events as plain records.
    peer_events = kinesis_events(workload.payloads[:PEER_EVENTS], records=min(records * aggregated, PEER_EVENTS))

    def run(one: Callable[[Any, Any], Any], batches: Events) -> float:
        gc.collect()
        begun = time.process_time()
        for batch in batches:
            one(batch, context)
        return time.process_time() - begun

    def run_floor(batch: Any, _: Any) -> int:
        return floor(batch)

    rates: dict[str, list[float]] = {"ours": [], "velocity": [], "model": [], "peer": [], "floor": []}
    for round_number in range(rounds + 1):
        ours = len(workload.payloads) / run(handler, events)
        velocity = len(workload.payloads) / run(with_velocity, events)
        model = len(workload.payloads) / run(with_model, events)
        theirs = PEER_EVENTS / run(peer, peer_events)
        least = len(workload.payloads) / run(run_floor, events)
        if round_number:  # the first one warms up
            for name, rate in zip(rates, (ours, velocity, model, theirs, least), strict=True):
                rates[name].append(rate)
    ratios = [ours / theirs for ours, theirs in zip(rates["ours"], rates["peer"], strict=True)]
    with_velocity_ratios = [ours / theirs for ours, theirs in zip(rates["velocity"], rates["peer"], strict=True)]
    with_model_ratios = [ours / theirs for ours, theirs in zip(rates["model"], rates["peer"], strict=True)]
    to_floor = [least / ours for ours, least in zip(rates["ours"], rates["floor"], strict=True)]
    return {
        **{name: spread(values) for name, values in rates.items()},
        "ratio": spread(ratios),
        "velocity_ratio": spread(with_velocity_ratios),
        "model_ratio": spread(with_model_ratios),
        "floor_ratio": spread(to_floor),
    }


def spread(values: list[float]) -> dict[str, float]:
    """Smallest, middle and largest."""
    return {"min": round(min(values), 2), "median": round(statistics.median(values), 2), "max": round(max(values), 2)}


def report(results: dict[str, dict[str, Any]], actions: dict[str, int], terms: int) -> None:
    """The table for people."""
    machine = f"Python {platform.python_version()}, {platform.machine()}"
    print(f"Events per CPU second, {terms:,} terms and 30 patterns, {machine}.")
    print(f"The same action on every one of {sum(actions.values()):,} events: {dict(sorted(actions.items()))}.\n")
    titles = f"{'usual handler':>15}{'this one':>12}{'ratio (min - max)':>24}{'floor':>12}{'below floor':>13}"
    print(f"{'records an invocation':<34}{titles}")
    for shape, result in results.items():
        for name, ratio, floors in (
            ("ours", result["ratio"], f"{result['floor_ratio']['median']:>12.1f}x"),
            ("velocity", result["velocity_ratio"], ""),
            ("model", result["model_ratio"], ""),
        ):
            between = f"{ratio['median']:.1f} ({ratio['min']:.1f} - {ratio['max']:.1f})"
            print(
                f"{shape + NAMES[name]:<34}{result['peer']['median']:>15,.0f}"
                f"{result[name]['median']:>12,.0f}{between:>24}{result['floor']['median']:>12,.0f}{floors}"
            )


if __name__ == "__main__":
    sys.exit(main())
