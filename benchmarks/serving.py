"""``python -m benchmarks.serving``: the scoring service over HTTP on this machine, beside a server that does nothing.

Both are the same kind of server with as many processes; both get the same requests, in turns, from this process, over
connections that stay open. Texts are Reddit comments of the data folder, each met once in a round. A latency is counted
from the moment at which a request was due, so that a late answer makes those behind it late; "late" is what of it this
process was late itself, "inside" is the server's own account, from a request's body to its answer. On a machine with
other work read that, and the processor time that the servers took (Linux): that is theirs alone.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from benchmarks.corpora import read_corpora
from infra.serving.keys_file import KeysFile
from infra.serving.server import free_port, wait_until_listening

HOST = "127.0.0.1"
CONNECTIONS = 16
STEADY = 500
BATCH = 500
WANTED = {"p99 ms at 500/s": 5.0, "requests/s": 2500.0, "texts/s in batches": 15_000.0, "slowest ms": 300.0}


class DoNothing:
    """Reads a body and answers the same each time."""

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        await protocol()
        protocol.response_bytes(200, [("content-type", "application/json")], b"{}")


def do_nothing(port: int, processes: int) -> None:
    """Serves that until it is stopped."""
    server = Server(
        "nothing", address=HOST, port=port, interface=Interfaces.RSGI, workers=processes, websockets=False,
        log_level=LogLevels.warning,
    )  # fmt: skip
    loader: Any = partial(DoNothing)
    server.serve(target_loader=loader, wrap_loader=False)


class Connection:
    """One connection that asks and waits."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> None:
        """Sends one request and reads its answer.

        Raises:
            RuntimeError: it is another status than 200.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection(HOST, self._port, limit=1 << 24)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head[:60])
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.split(b":")[1]))

    def close(self) -> None:
        """Ends it."""
        if self._streams is not None:
            self._streams[1].close()


def request_of(path: str, key: str, document: Any) -> bytes:
    """A request as it goes over the wire."""
    body = json.dumps(document).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def analyze(text: str, key: str) -> bytes:
    """A request for the usual attributes of one text."""
    wanted: dict[str, Any] = {"TOXICITY": {}, "INSULT": {}, "THREAT": {}}
    document = {"comment": {"text": text}, "languages": ["en"], "requestedAttributes": wanted, "doNotStore": True}
    return request_of("/v1alpha1/comments:analyze", key, document)


async def at_a_rate(port: int, requests: Sequence[bytes], rate: float) -> list[tuple[float, float]]:
    """Milliseconds from when each request was due to its answer, and how late it was sent."""
    free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
    connections = [Connection(port) for _ in range(64)]
    for one in connections:
        free.put_nowait(one)
    begin = time.perf_counter() + 0.05
    found: list[tuple[float, float]] = []

    async def ask(due: float, request: bytes) -> None:
        connection = await free.get()
        late = time.perf_counter() - due
        await connection.ask(request)
        free.put_nowait(connection)
        found.append(((time.perf_counter() - due) * 1000, late * 1000))

    async with asyncio.TaskGroup() as group:
        for number, request in enumerate(requests):
            due = begin + number / rate
            if (left := due - time.perf_counter()) > 0:
                await asyncio.sleep(left)
            group.create_task(ask(due, request))
    for one in connections:
        one.close()
    return found


async def as_fast_as_it_goes(port: int, requests: Sequence[bytes]) -> tuple[float, float]:
    """Requests a second from several connections, each of which waits for its answer; and the slowest in ms."""
    waiting: Iterator[bytes] = iter(requests)
    slowest = 0.0

    async def run() -> None:
        nonlocal slowest
        connection = Connection(port)
        for request in waiting:
            at = time.perf_counter()
            await connection.ask(request)
            slowest = max(slowest, time.perf_counter() - at)
        connection.close()

    at = time.perf_counter()
    await asyncio.gather(*(run() for _ in range(CONNECTIONS)))
    return len(requests) / (time.perf_counter() - at), slowest * 1000


def high(values: Iterable[float]) -> float:
    """What one in a hundred of them is above."""
    ordered = sorted(values)
    return ordered[int(len(ordered) * 0.99)]


def logged(log: Path, begin: int) -> list[float]:
    """The milliseconds of each request in an access log, from a byte on."""
    return [json.loads(line)["ms"] for line in log.read_bytes()[begin:].splitlines()]


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and those below it have taken so far; 0 where there is no /proc."""
    took, children = {}, dict[int, list[int]]()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        took[int(path.parent.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    below, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        below += took.get(one, 0.0)
        waiting += children.get(one, [])
    return below


def measure(
    texts: Iterator[str], servers: dict[str, tuple[int, int]], key: str, rounds: int, log: Path
) -> dict[str, dict[str, float]]:
    """By server and figure the median of the rounds.

    Args:
        texts: each is met once.
        servers: by name the port and the process.
        key: a good one.
        rounds: how many.
        log: the access log of "scores".
    """
    seen: dict[str, dict[str, list[float]]] = {name: {} for name in servers}
    warm = [analyze(text, key) for text in islice(texts, 1000)]
    for port, _ in servers.values():
        asyncio.run(as_fast_as_it_goes(port, warm))

    def note(name: str, figure: str, value: float) -> None:
        seen[name].setdefault(figure, []).append(value)

    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        steady = [analyze(text, key) for text in islice(texts, 3 * STEADY)]
        fast = [analyze(text, key) for text in islice(texts, 3000)]
        batches = [
            request_of(
                "/v1/moderate", key, {"items": [{"text": text, "language": "en"} for text in islice(texts, BATCH)]}
            )
            for _ in range(12)
        ]
        for name, (port, pid) in servers.items():
            begin = log.stat().st_size
            answers = asyncio.run(at_a_rate(port, steady, STEADY))
            latencies = sorted(whole for whole, _ in answers)
            note(name, "p50 ms at 500/s", latencies[len(latencies) // 2])
            note(name, "p99 ms at 500/s", high(latencies))
            note(name, "p99 ms late at 500/s", high(late for _, late in answers))
            if inside := logged(log, begin):
                note(name, "p99 ms inside at 500/s", high(inside))
                note(name, "slowest ms inside at 500/s", max(inside))
            before = cpu_seconds(pid)
            rate, slowest = asyncio.run(as_fast_as_it_goes(port, fast))
            between = cpu_seconds(pid)
            note(name, "requests/s", rate)
            note(name, "CPU µs a request", (between - before) / len(fast) * 1e6)
            note(name, "slowest ms", max(slowest, latencies[-1]))
            note(name, "texts/s in batches", asyncio.run(as_fast_as_it_goes(port, batches))[0] * BATCH)
            note(name, "CPU µs a text in batches", (cpu_seconds(pid) - between) / len(batches) / BATCH * 1e6)
    return {
        name: {figure: statistics.median(values) for figure, values in figures.items()}
        for name, figures in seen.items()
    }


def first_answer(port: int, key: str) -> float:
    """Milliseconds of the very first request of a server."""
    return asyncio.run(at_a_rate(port, [analyze("You are a complete idiot.", key)], 1.0))[0][0]


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the data folder: streams/ lies in it")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    options = parser.parse_args()
    texts = iter(read_corpora(options.data)["Reddit comments"])
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys.json"
        key = KeysFile(keys).add("bench", per_minute=0, created_at="2026-01-01T00:00:00+00:00")
        nothing = free_port(HOST)
        idle = multiprocessing.get_context("spawn").Process(target=do_nothing, args=(nothing, options.processes))
        idle.start()
        command = [sys.executable, "-m", "infra", "serve", "--port", "0", "--json", "--keys", str(keys)]
        log = Path(folder) / "log"
        command += ["--processes", str(options.processes), "--access-log", str(log)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
            assert served.stdout is not None
            port = int(json.loads(served.stdout.readline())["url"].rpartition(":")[2])
            wait_until_listening(HOST, nothing)
            first = first_answer(port, key)
            figures = measure(
                texts, {"scores": (port, served.pid), "nothing": (nothing, idle.pid or 0)}, key, options.rounds, log
            )
            served.terminate()
        idle.terminate()
        idle.join()
    figures["scores"]["first answer ms"] = first
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    if options.json:
        print(json.dumps({"figures": figures, "wanted": WANTED, "load": load}))
    else:
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}, {options.processes} processes")
        print("| | scores | a server that does nothing | wanted |\n|---|---:|---:|---:|")
        for figure, value in figures["scores"].items():
            other, wanted = figures["nothing"].get(figure), WANTED.get(figure)
            shown = ["" if one is None else f"{one:,.1f}" for one in (other, wanted)]
            print(f"| {figure} | {value:,.1f} | {shown[0]} | {shown[1]} |")
    met = figures["scores"]
    return int(
        met["p99 ms at 500/s"] > WANTED["p99 ms at 500/s"]
        or met["requests/s"] < WANTED["requests/s"]
        or met["texts/s in batches"] < WANTED["texts/s in batches"]
        or met["slowest ms"] > WANTED["slowest ms"]
    )


if __name__ == "__main__":
    sys.exit(main())
