"""Counts and times of requests, over all processes of a server, as Prometheus reads them.

Source: https://prometheus.github.io/client_python/multiprocess/
"""

import os
from pathlib import Path

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.3, 1.0, 3.0)


class Metrics:
    """What one process counts, and what all have counted.

    Args:
        folder: where the processes of a server keep their counts.
    """

    def __init__(self, folder: Path) -> None:
        # Read at import by the library, which then keeps its counts in files there.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
        from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
        from prometheus_client.multiprocess import MultiProcessCollector

        registry = CollectorRegistry()
        self._requests = Counter("streamkeeper_requests", "Requests answered.", ["route", "status"], registry=registry)
        self._seconds = Histogram(
            "streamkeeper_request_seconds",
            "From a request's body to its answer.",
            ["route"],
            buckets=_BUCKETS,
            registry=registry,
        )
        self._texts = Counter("streamkeeper_texts", "Texts scored.", ["route", "client"], registry=registry)
        self._submissions = Counter(
            "streamkeeper_submissions", "Texts for the stream, by what became of them.", ["outcome"], registry=registry
        )
        self._known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self._known_texts: dict[tuple[str, str], Counter] = {}
        self._all = CollectorRegistry()
        MultiProcessCollector(self._all, path=str(folder))  # type: ignore[no-untyped-call]
        self._render = generate_latest

    def answered(self, route: str, status: int, seconds: float, *, client: str, texts: int) -> None:
        """Counts one request.

        Args:
            route: which route answered.
            status: of HTTP.
            seconds: that it took.
            client: whose key it was.
            texts: scored in it.
        """
        known = self._known.get((route, status))
        if known is None:
            known = (self._requests.labels(route, str(status)), self._seconds.labels(route))
            self._known[route, status] = known
        known[0].inc()
        known[1].observe(seconds)
        if texts:
            counter = self._known_texts.get((route, client))
            if counter is None:
                counter = self._known_texts[route, client] = self._texts.labels(route, client)
            counter.inc(texts)

    def submitted(self, outcome: str, count: int = 1) -> None:
        """Counts texts for the stream.

        Args:
            outcome: what became of them.
            count: how many.
        """
        self._submissions.labels(outcome).inc(count)

    def text(self) -> bytes:
        """What all processes have counted."""
        return self._render(self._all)
