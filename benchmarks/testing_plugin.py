"""What the pytest plugin costs: from nothing to the first test, and to an empty stack for the next one.

``python -m benchmarks.testing_plugin``
"""

import json
import os
import statistics
import time

from infra.testing.runtime import TestRuntime
from infra.testing.stack import Stack

RESETS = 30
RECORDS = 200


def main() -> None:
    """Prints one JSON document; seconds, and of the processor where it says so."""
    started = time.perf_counter()
    runtime = TestRuntime()
    stack = Stack(runtime)
    stack.clear()
    ready = time.perf_counter() - started
    resets = []
    try:
        for _ in range(RESETS):
            stack.put([f"record {number}" for number in range(RECORDS)])
            before = time.perf_counter()
            stack.clear()
            resets.append(time.perf_counter() - before)
    finally:
        runtime.stop()
    children = os.times()
    document = {
        "first_test_ready_s": round(ready, 2),
        "processor_of_the_runtime_s": round(children.children_user + children.children_system, 2),
        "reset_median_ms": round(statistics.median(resets) * 1000, 1),
        "reset_worst_ms": round(max(resets) * 1000, 1),
        "resets": RESETS,
        "records_between": RECORDS,
    }
    print(json.dumps(document))


if __name__ == "__main__":
    main()
