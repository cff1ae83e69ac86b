"""``python -m benchmarks.real``: the consumer beside the usual handler on texts that people wrote, each met once.

Each round takes the next texts of a corpus, gives them to both handlers as events, 100 records an invocation, and never
comes back to them. What a process remembers of earlier texts, it remembers as it would in a Lambda function: words come
again as they do in life.
"""

import gc
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from benchmarks.__main__ import Context, spread
from benchmarks.corpora import in_turns, read_corpora, read_terms
from benchmarks.handler import make_stubbed
from benchmarks.peer import Peer
from benchmarks.workload import Workload, event_of, kinesis_events
from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from consumers.rows import JUDGED_AT_ONCE

TEXTS = 1_200
"""Of a round, of the shortest kind; fewer of longer ones."""
CHARACTERS = 60_000
"""Of a round, of the others."""
MOST_DIFFERENT = 0.01
"""How many events may get another action: the usual handler does not see through disguises."""

SAME_RULES = {"IRC chat": 10.0, "Reddit comments": 14.0, "comments on news": 20.0, "long comments": 20.0}
WHOLE_POLICY = {"IRC chat": 8.0, "Reddit comments": 10.0, "comments on news": 14.0, "long comments": 14.0}
"""How many times the usual handler's rate is wanted."""
ALONE = {"IRC chat": 25_000.0, "long comments": 6_000.0}
"""Texts per CPU second that the default policy's Moderator is wanted to judge, as many at once as the consumer does."""

Run = Callable[[list[str]], float]


def make_contestants(terms: list[str]) -> dict[str, Run]:
    """Everything that is measured: from texts to seconds of CPU, made ready beforehand."""
    chance = random.Random(11)
    labelled = [(term, chance.choice(["spam", "insult", "scam"]), chance.choice([0.2, 0.4, 0.65])) for term in terms]
    workload = Workload(labelled, [])
    default = Policy.load(read_policy("default"))
    context = Context()
    moderator = Moderator(default)
    fresh = Moderator(default)

    def handled(handle: Callable[[Any, Any], Any]) -> Run:
        def run(texts: list[str]) -> float:
            events = kinesis_events([event_of(text, number) for number, text in enumerate(texts)], records=100)
            with Timer() as seconds:
                for event in events:
                    handle(event, context)
            return seconds()

        return run

    def judged(texts: list[str]) -> float:
        with Timer() as seconds:
            for text in texts:
                fresh.judge(text, surface="comment", language="en")
        return seconds()

    def judged_together(texts: list[str]) -> float:
        contents = [Said(text) for text in texts]
        with Timer() as seconds:
            for start in range(0, len(contents), JUDGED_AT_ONCE):
                moderator.judge_all(contents[start : start + JUDGED_AT_ONCE])
        return seconds()

    return {
        "usual handler": handled(Peer(workload, lambda _: None).handle),
        "same rules": handled(make_stubbed(workload.policy(), lambda _: None).handle),
        "default policy": handled(make_stubbed(default, lambda _: None).handle),
        "alone": judged_together,
        "one by one": judged,
    }


class Said(NamedTuple):
    """A text as the Moderator is given it."""

    text: str
    surface: str = "comment"
    language: str = "en"
    author_id: None = None


class Timer:
    """Seconds of CPU of all threads in a block; the garbage of before is collected first."""

    def __enter__(self) -> Callable[[], float]:
        gc.collect()
        self._begun = time.process_time()
        return lambda: self._ended - self._begun

    def __exit__(self, *_: object) -> None:
        self._ended = time.process_time()


def compare(terms: list[str], texts: list[str]) -> tuple[int, int]:
    """How many events get another action from the two handlers under the same rules, and how many are acted on."""
    chance = random.Random(11)
    labelled = [(term, chance.choice(["spam", "insult", "scam"]), chance.choice([0.2, 0.4, 0.65])) for term in terms]
    workload = Workload(labelled, [])
    actions: list[dict[str, str]] = [{}, {}]

    def read(into: dict[str, str], lines: Iterator[bytes]) -> None:
        for line in lines:
            row = msgspec.json.decode(line)
            into[row["event_id"]] = row["action"]

    ours = make_stubbed(
        workload.policy(), lambda records: read(actions[0], (line for data in records for line in data.splitlines()))
    )
    theirs = Peer(workload, lambda records: read(actions[1], (record["Data"] for record in records)))
    for event in kinesis_events([event_of(text, number) for number, text in enumerate(texts)], records=100):
        ours.handle(event, Context())
        theirs.handle(event, Context())
    if not len(actions[0]) == len(actions[1]) == len(texts):
        raise SystemExit(f"{len(texts)} events, but {len(actions[0])} and {len(actions[1])} rows")
    different = sum(actions[0][event_id] != action for event_id, action in actions[1].items())
    return different, sum(action != "allow" for action in actions[1].values())


def measure(texts: list[str], contestants: dict[str, Run], rounds: int) -> dict[str, list[float]]:
    """Texts per CPU second of each, by round."""
    size = min(TEXTS, max(100, CHARACTERS * len(texts) // sum(map(len, texts))))
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for number, some in zip(range(rounds + 1), in_turns(texts, size), strict=False):
        for name, run in contestants.items():
            seconds = run(some)
            if number:  # the first one warms up
                rates[name].append(len(some) / seconds)
    return rates


@click.command(epilog="Example: python -m benchmarks.real --data ../shared/data --rounds 9 --json")
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="The data folder."
)
@click.option("--rounds", type=click.IntRange(1, 50), default=9, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(data: Path, rounds: int, as_json: bool) -> None:
    """Rates per second of CPU on real texts, each met once; fails below the targets."""
    corpora = read_corpora(data)
    terms = read_terms(data, 1000)
    contestants = make_contestants(terms)
    found: dict[str, Any] = {}
    missed: list[str] = []
    for name, texts in corpora.items():
        different, acted_on = compare(terms, texts[-1000:])
        if different > MOST_DIFFERENT * 1000:
            missed.append(f"{name}: {different} of 1,000 events have another action")
        rates = measure(texts, contestants, rounds)
        same = [ours / theirs for ours, theirs in zip(rates["same rules"], rates["usual handler"], strict=True)]
        whole = [ours / theirs for ours, theirs in zip(rates["default policy"], rates["usual handler"], strict=True)]
        found[name] = {
            "characters": round(statistics.mean(map(len, texts))),
            "acted_on": acted_on / 1000,
            "different": different / 1000,
            "rates": {contestant: spread(values) for contestant, values in rates.items()},
            "same_rules": spread(same),
            "default_policy": spread(whole),
        }
        for what, ratios, wanted in (("same rules", same, SAME_RULES), ("default policy", whole, WHOLE_POLICY)):
            if statistics.median(ratios) < wanted[name]:
                missed.append(f"{name}, {what}: {statistics.median(ratios):.1f} times; wanted: {wanted[name]:.0f}")
        if statistics.median(rates["alone"]) < ALONE.get(name, 0):
            missed.append(f"{name}, alone: {statistics.median(rates['alone']):,.0f}; wanted: {ALONE[name]:,.0f}")
        if not as_json:
            _print(name, found[name], is_first=len(found) == 1)
    if as_json:
        print(json.dumps(found))
    print("\n".join(missed), file=sys.stderr, end="\n" if missed else "")
    sys.exit(bool(missed))


def _print(name: str, result: dict[str, Any], *, is_first: bool) -> None:
    if is_first:
        print(f"Events per CPU second, 1,000 terms and 30 patterns, each text once; Python {platform.python_version()}")
        print(
            f"{'texts of':<18}{'characters':>11}{'acted on':>10}{'usual':>9}{'same rules':>12}{'ratio (min - max)':>24}"
            f"{'default':>9}{'ratio (min - max)':>24}{'alone':>9}{'one by one':>12}"
        )
    medians = {contestant: values["median"] for contestant, values in result["rates"].items()}

    def between(values: dict[str, float]) -> str:
        return f"{values['median']:.1f} ({values['min']:.1f} - {values['max']:.1f})"

    print(
        f"{name:<18}{result['characters']:>11}{result['acted_on']:>10.1%}{medians['usual handler']:>9,.0f}"
        f"{medians['same rules']:>12,.0f}{between(result['same_rules']):>24}"
        f"{medians['default policy']:>9,.0f}{between(result['default_policy']):>24}{medians['alone']:>9,.0f}"
        f"{medians['one by one']:>12,.0f}"
    )


if __name__ == "__main__":
    main()
