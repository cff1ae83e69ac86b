"""``make bench-producers``, first half: our KPL format beside aws_kinesis_agg's, both ways, interleaved, in one run.

What is counted, for both alike:

* encoding: from user records (partition key, bytes) to the bytes of the Kinesis record;
* decoding: from the base64 text in Lambda's event to every user record's bytes. aws_kinesis_agg hands user records on
  in base64, as Lambda does; undoing that is part of reaching the bytes. The figure without that step stands beside it.

python -m benchmarks.aggregation [--rounds N] [--json]
"""

import argparse
import base64
import gc
import json
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import pybase64

from glue.kpl.aggregation import Aggregator, UserRecord, decode, encode

_before = list(sys.path)
from aws_kinesis_agg.aggregator import RecordAggregator  # noqa: E402
from aws_kinesis_agg.deaggregator import deaggregate_records  # noqa: E402

# Its import puts its own folder first.
sys.path[:] = _before

LEAST_ENCODING, LEAST_DECODING = 3.0, 5.0
RECORDS, AGGREGATES = 500, 4
SHAPES = {
    "500 bytes, one key": (500, 500, 1),
    "400 to 600 bytes, one key": (400, 600, 1),
    "400 to 600 bytes, 16 keys": (400, 600, 16),
    "1,000 bytes, one key": (1000, 1000, 1),
}
JUDGED = "500 bytes, one key"

Groups = list[list[UserRecord]]


def made_up(smallest: int, largest: int, keys: int) -> Groups:
    """Four aggregates' worth of records."""
    chance = random.Random(7)
    return [
        [
            UserRecord(f"{chance.randrange(keys):016x}", None, chance.randbytes(chance.randint(smallest, largest)))
            for _ in range(RECORDS)
        ]
        for _ in range(AGGREGATES)
    ]


def peer_encode(groups: Groups) -> list[bytes]:
    """As its README does it."""
    made = []
    for records in groups:
        aggregator = RecordAggregator()
        for record in records:
            aggregator.add_user_record(record.partition_key, record.data)
        made.append(aggregator.clear_and_get().get_contents()[2])
    return made


def our_aggregator(groups: Groups) -> list[bytes]:
    """Record by record, the size known before each."""
    made = []
    for records in groups:
        aggregator = Aggregator()
        for record in records:
            aggregator.add(record)
        aggregate = aggregator.drain()
        assert aggregate is not None
        made.append(aggregate.data)
    return made


def our_encode(groups: Groups) -> list[bytes]:
    """A list at once."""
    return [encode(records) for records in groups]


def lambda_event(aggregates: Sequence[bytes]) -> list[dict[str, Any]]:
    """What Lambda hands to a function."""
    return [
        {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "0000000000000000",
                "sequenceNumber": str(number),
                "data": base64.b64encode(data).decode(),
                "approximateArrivalTimestamp": 1_763_640_000.0,
            },
            "eventSource": "aws:kinesis",
            "eventID": f"shardId-000000000000:{number}",
        }
        for number, data in enumerate(aggregates)
    ]


def peer_decode(records: list[dict[str, Any]]) -> list[bytes]:
    """As its README does it, to the bytes."""
    return [base64.b64decode(record["kinesis"]["data"]) for record in deaggregate_records(records)]


def peer_decode_to_base64(records: list[dict[str, Any]]) -> list[Any]:
    """What it gives, still in base64."""
    return list(deaggregate_records(records))


def our_decode(records: list[dict[str, Any]]) -> list[bytes]:
    """As ``consumers.batch`` does it: alphabet checked, all or nothing."""
    made: list[bytes] = []
    for record in records:
        users = decode(pybase64.b64decode(record["kinesis"]["data"], None, True))
        assert isinstance(users, list)
        made += [user.data for user in users]
    return made


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of one call; garbage of the one before it is not its concern."""
    gc.collect()
    begun = time.process_time()
    call()
    return time.process_time() - begun


def measure(groups: Groups, rounds: int) -> dict[str, Any]:
    """Records per CPU second of each, and the ratios of the rounds: smallest, middle, largest.

    Raises:
        SystemExit: the two do not make the same bytes.
    """
    aggregates = our_encode(groups)
    event = lambda_event(aggregates)
    payloads = [record.data for records in groups for record in records]
    if not (aggregates == our_aggregator(groups) == peer_encode(groups)):
        raise SystemExit("the encodings differ")
    if not (payloads == our_decode(event) == peer_decode(event)):
        raise SystemExit("the decodings differ")
    contests: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "encode, Aggregator": (lambda: peer_encode(groups), lambda: our_aggregator(groups)),
        "encode, encode()": (lambda: peer_encode(groups), lambda: our_encode(groups)),
        "decode to bytes": (lambda: peer_decode(event), lambda: our_decode(event)),
        "decode, peer left in base64": (lambda: peer_decode_to_base64(event), lambda: our_decode(event)),
    }
    found = {}
    for name, (theirs, ours) in contests.items():
        theirs(), ours()
        pairs = [(seconds(theirs), seconds(ours)) for _ in range(rounds)]
        ratios = [peer / own for peer, own in pairs]
        found[name] = {
            "peer": round(len(payloads) / statistics.median(peer for peer, _ in pairs)),
            "ours": round(len(payloads) / statistics.median(own for _, own in pairs)),
            "ratio": {
                "min": round(min(ratios), 2),
                "median": round(statistics.median(ratios), 2),
                "max": round(max(ratios), 2),
            },
        }
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 when a median ratio at 500 bytes is below its target."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.aggregation")
    parser.add_argument("--rounds", type=int, default=25, help="rounds of each, interleaved (default 25)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args(arguments)
    results = {shape: measure(made_up(*how), options.rounds) for shape, how in SHAPES.items()}
    if options.json:
        print(json.dumps(results))
    else:
        print(f"User records per CPU second, {RECORDS} in an aggregate, Python {platform.python_version()}.\n")
        print(f"{'':<28}{'':<30}{'aws_kinesis_agg':>16}{'this one':>12}{'ratio (min - max)':>22}")
        for shape, contests in results.items():
            for name, one in contests.items():
                ratio = one["ratio"]
                between = f"{ratio['median']:.1f} ({ratio['min']:.1f} - {ratio['max']:.1f})"
                print(f"{shape:<28}{name:<30}{one['peer']:>16,}{one['ours']:>12,}{between:>22}")
    judged = results[JUDGED]
    encoding = judged["encode, Aggregator"]["ratio"]["median"]
    decoding = judged["decode to bytes"]["ratio"]["median"]
    if encoding >= LEAST_ENCODING and decoding >= LEAST_DECODING:
        return 0
    print(
        f"at 500 bytes {encoding} encoding and {decoding} decoding; wanted: {LEAST_ENCODING} and {LEAST_DECODING}",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
