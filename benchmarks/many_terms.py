"""``python -m benchmarks.many_terms``: what 100,000 terms cost beside 1,000, in one run."""

import json
import platform
import statistics
import sys
import time

import click

from benchmarks.__main__ import Context, spread
from benchmarks.handler import make_stubbed
from benchmarks.workload import kinesis_events, make_workload

EVENTS = 4_000
FEW, MANY = 1_000, 100_000
TARGET = 2.0


@click.command(epilog="Example: python -m benchmarks.many_terms --rounds 15 --json")
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(rounds: int, as_json: bool) -> None:
    """The CPU time of an event under 100,000 terms, as a multiple of that under 1,000; fails above 2."""
    handlers = {}
    for terms in (FEW, MANY):
        workload = make_workload(EVENTS, terms=terms)
        started = time.perf_counter()
        handle = make_stubbed(workload.policy(), lambda _: None).handle
        handlers[terms] = (handle, kinesis_events(workload.payloads, records=100), time.perf_counter() - started)
    context = Context()
    micros: dict[int, list[float]] = {terms: [] for terms in handlers}
    for number in range(rounds + 1):
        for terms, (handle, events, _) in handlers.items():
            started = time.process_time()
            for event in events:
                handle(event, context)
            if number:  # the first one warms up
                micros[terms].append((time.process_time() - started) / EVENTS * 1e6)
    ratio = spread([many / few for few, many in zip(micros[FEW], micros[MANY], strict=True)])
    if as_json:
        print(json.dumps({"micros": {terms: spread(values) for terms, values in micros.items()}, "ratio": ratio}))
    else:
        print(
            f"Python {platform.python_version()}, {platform.machine()}; microseconds of CPU an event, the handler whole"
        )
        for terms, values in micros.items():
            made = handlers[terms][2]
            print(f"{terms:>9,} terms  {statistics.median(values):6.1f}   ready after {made:.2f} s")
        print(f"ratio {ratio['median']:.2f} ({ratio['min']:.2f} - {ratio['max']:.2f}); target at most {TARGET}")
    sys.exit(ratio["median"] > TARGET)


if __name__ == "__main__":
    main()
