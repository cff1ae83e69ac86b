"""What the linear model costs a text, beside nothing: microseconds of CPU, on the bench's texts and on real ones.

python -m benchmarks.model [--data FOLDER]
"""

import argparse
import gzip
import json
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from benchmarks.workload import make_workload
from consumers.models import read_weights
from consumers.moderation.detectors.model import ModelDetector
from consumers.moderation.detectors.protocol import Subject
from consumers.moderation.normalise import normalise
from consumers.moderation.policy import Policy
from consumers.moderation.weights import Weights
from consumers.policies import read_policy

SETS = (
    "streams/ubuntu_irc_chat/events.jsonl.gz",
    "streams/reddit_goemotions/events.jsonl.gz",
    "labelled/civil_toxic_spans/data.jsonl.gz",
    "labelled/germeval2018/data.jsonl.gz",
    "labelled/cold/data.jsonl.gz",
)
TEXTS = 10_000
LONG: dict[str, Callable[[random.Random], str]] = {
    "words never seen": lambda chance: " ".join("".join(chance.choices("abcdefghijklmno", k=8)) for _ in range(8000)),
    "Chinese": lambda chance: "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(21_800)),
    "one letter": lambda _: "a" * 65_536,
    "one link": lambda _: "https://" + "a" * 65_000,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 when a text of the bench costs more than 60 µs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.model", description=__doc__)
    parser.add_argument("--data", type=Path, help="the data folder; without it only the bench's texts are measured")
    options = parser.parse_args(arguments)

    rule = Policy.load(read_policy("default")).model
    if rule is None:
        raise SystemExit("the default policy has no [model]")
    begun = time.process_time()
    data = read_weights(rule.weights)
    weights = Weights.read(data)
    print(f"loading {len(data):,} bytes: {(time.process_time() - begun) * 1e3:.1f} ms\n")

    print(f"{'10,000 texts of':<34}{'characters':>11}{'first':>9}{'again':>9}   µs a text")
    bench = [msgspec.json.decode(payload)["text"] for payload in make_workload(TEXTS).payloads]
    worst = show("the bench, made-up words", bench, weights, rule)
    for name in SETS if options.data is not None else ():
        show(name.split("/")[1], list(texts(options.data / name)), weights, rule)

    print("\n64 KiB of                         milliseconds")
    for name, make in LONG.items():
        text = make(random.Random(1))
        subject = Subject(normalise(text), None, frozenset())
        begun = time.process_time()
        ModelDetector(weights, rule).detect(subject)
        print(f"{name:<34}{(time.process_time() - begun) * 1e3:>12.1f}")
    return 0 if worst <= 60 else 1


def show(name: str, some: list[str], weights: Weights, rule: object) -> float:
    """Prints a line; gives the microseconds that a text costs when its words may have been seen before."""
    detector = ModelDetector(weights, rule)  # type: ignore[arg-type]
    subjects = [Subject(normalise(text), None, frozenset()) for text in some]
    costs = []
    for _ in range(2):
        begun = time.process_time()
        for subject in subjects:
            detector.detect(subject)
        costs.append((time.process_time() - begun) / len(subjects) * 1e6)
    print(f"{name:<34}{sum(map(len, some)) / len(some):>11.0f}{costs[0]:>9.1f}{costs[1]:>9.1f}")
    return costs[0]


def texts(path: Path) -> Iterator[str]:
    """The first texts of a file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for _, line in zip(range(TEXTS), file, strict=False):
            if text := json.loads(line)["text"]:
                yield text


if __name__ == "__main__":
    sys.exit(main())
