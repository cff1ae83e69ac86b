"""``make bench-producers``, second half: events a second of client CPU, plain boto3 beside aggregated sending.

Both get the same 565-byte events and put them on the same local sink, a process of its own that reads each request and
answers PutRecords. Counted is this process's CPU (``time.process_time``, all threads), from the events' bytes to the
last answer.

* plain: boto3's ``put_records`` with 500 records a request, as its documentation shows it, failures looked at;
* plain, no validation: the same, parameters unchecked, as our own client has it;
* delivery: ours, every event a record of its own;
* aggregated: ours with ``--aggregate``.

python -m benchmarks.producing [--rounds N] [--events N] [--json]
"""

import argparse
import gc
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import boto3
from botocore.config import Config

from glue.system_clock import SystemClock
from producers.aws.kinesis import KinesisStream
from producers.delivery.aggregated import AggregatedDelivery
from producers.delivery.aggregating import Packer
from producers.delivery.report import DeliverySettings
from producers.delivery.sending import open_delivery
from producers.partitioning import partition_key
from producers.ports import OutRecord

LEAST = 1.9
EVENT_BYTES = 565

# Reads requests and answers each with as many sequence numbers as it has records: nothing that could be less.
SINK = r"""
import socket, sys, threading
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
one = b'{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898","ShardId":"shardId-000000000000"}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n"
answers = {}
def serve(connection):
    data = bytearray()
    while True:
        while (end := data.find(b"\r\n\r\n")) < 0:
            chunk = connection.recv(1 << 20)
            if not chunk:
                return
            data += chunk
        head = bytes(data[:end]).lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if b"100-continue" in head:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(data) < end + 4 + length:
            data += connection.recv(1 << 20)
        count = data.count(b'"PartitionKey"', end)
        del data[: end + 4 + length]
        if count not in answers:
            body = b'{"FailedRecordCount":0,"Records":[%s]}' % b",".join([one] * count)
            answers[count] = HEAD % len(body) + body
        connection.sendall(answers[count])
while True:
    connection, _ = server.accept()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=serve, args=(connection,), daemon=True).start()
"""


def made_up(count: int) -> list[OutRecord]:
    """Events of just 565 bytes, each of a content of its own."""
    chance = random.Random(3)
    records = []
    for number in range(count):
        event_id = f"0197a000-0000-7000-8000-{number:012x}"
        content_id = f"post-{number}"
        start = (
            f'{{"schema_version":1,"event_id":"{event_id}","content_id":"{content_id}",'
            f'"author_id":"user-{number % 997}","surface":"comments","created_at":"2026-11-20T12:00:00Z","text":"'
        )
        text = "".join(chance.choices("abcdefghij klmnop", k=EVENT_BYTES - len(start) - 2))
        payload = f'{start}{text}"}}'.encode()
        assert len(payload) == EVENT_BYTES
        records.append(OutRecord(event_id, partition_key(content_id), payload))
    return records


def plain(records: Sequence[OutRecord], *, is_validated: bool) -> int:
    """boto3 as its documentation shows it."""
    client: Any = boto3.client("kinesis", config=Config(parameter_validation=is_validated))
    taken = 0
    for start in range(0, len(records), 500):
        answer = client.put_records(
            StreamName="content",
            Records=[
                {"Data": record.data, "PartitionKey": record.partition_key} for record in records[start : start + 500]
            ],
        )
        assert answer["FailedRecordCount"] == 0
        taken += len(answer["Records"])
    return taken


def delivered(records: Sequence[OutRecord], *, is_aggregated: bool) -> int:
    """Ours, as ``produce`` puts it together."""
    clock = SystemClock()
    delivery: Any = open_delivery(KinesisStream("content"), clock=clock, settings=DeliverySettings(keep_ids=False))
    if is_aggregated:
        delivery = AggregatedDelivery(delivery, Packer(), clock=clock)
    for record in records:
        delivery.put(record)
    report = delivery.close()
    assert report.failed == []
    return int(report.accepted)


CONTESTANTS: dict[str, Callable[[Sequence[OutRecord]], int]] = {
    "plain boto3": lambda records: plain(records, is_validated=True),
    "plain boto3, no validation": lambda records: plain(records, is_validated=False),
    "delivery": lambda records: delivered(records, is_aggregated=False),
    "delivery, aggregated": lambda records: delivered(records, is_aggregated=True),
}


def measure(events: int, rounds: int) -> dict[str, dict[str, float]]:
    """Events per CPU second of each, and how many times plain boto3's in the same round."""
    records = made_up(events)
    # What is not counted: loading botocore's model of Kinesis.
    for contestant in CONTESTANTS.values():
        contestant(records[:2000])
    rates: dict[str, list[float]] = {name: [] for name in CONTESTANTS}
    for _ in range(rounds):
        for name, contestant in CONTESTANTS.items():
            gc.collect()
            begun = time.process_time()
            taken = contestant(records)
            rates[name].append(taken / (time.process_time() - begun))
            assert taken == events
    base = rates["plain boto3"]
    found = {}
    for name, values in rates.items():
        ratios = [value / one for value, one in zip(values, base, strict=True)]
        found[name] = {
            "events_per_cpu_second": round(statistics.median(values)),
            "min_ratio": round(min(ratios), 2),
            "ratio": round(statistics.median(ratios), 2),
            "max_ratio": round(max(ratios), 2),
        }
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 when aggregated sending is below 1.9 times plain boto3."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.producing")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each, interleaved (default 7)")
    parser.add_argument("--events", type=int, default=40_000, help="events in a round (default 40,000)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args(arguments)
    sink = subprocess.Popen([sys.executable, "-c", SINK], stdout=subprocess.PIPE, text=True)
    try:
        assert sink.stdout is not None
        port = int(sink.stdout.readline())
        os.environ |= {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        results = measure(options.events, options.rounds)
    finally:
        sink.kill()
        sink.wait()
    if options.json:
        print(json.dumps(results))
    else:
        print(f"Events of {EVENT_BYTES} bytes per second of client CPU, Python {platform.python_version()}.\n")
        for name, one in results.items():
            between = f"{one['ratio']:.2f} ({one['min_ratio']:.2f} - {one['max_ratio']:.2f})"
            print(f"{name:<30}{one['events_per_cpu_second']:>12,}{between:>24}")
    return 0 if results["delivery, aggregated"]["ratio"] >= LEAST else 1


if __name__ == "__main__":
    sys.exit(main())
