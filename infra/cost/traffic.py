"""What is sent, and what comes of it: the figures that a bill depends on besides the template's parameters."""

import tomllib
from pathlib import Path

import msgspec
from msgspec import Struct


class Traffic(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A month of even traffic.

    The shares, sizes and CPU times were seen on 20,000 synthetic events under the default policy efade3531b889a9d, by
    ``python -m benchmarks.functions``; ``peak`` and how long a batch waits for answers are estimates.

    Args:
        rate: events a second, on average; above 0.
        size: bytes of an event as JSON; above 0.
        key_bytes: of its partition key.
        aggregate: events in one record of the stream, at least 1; above 1 the producer aggregates.
        peak: the busiest second against the average; what shards are for.
        row_bytes: of a verdict's row as JSON, without what grows with the text.
        excerpt_bytes: of the text that a row repeats, at most.
        notice_share: of the events, those that are reviewed or blocked, of which somebody is told.
        flag_share: of the events, those that are flagged; they count where the stack tells of them, too.
        notice_bytes: of a notice as EventBridge counts it.
        status_share: of the events, those whose status is kept: reviewed, blocked, or held; flags come on top.
        status_bytes: of a status as DynamoDB counts it.
        bad_share: of the events, those that cannot be read.
        parquet_bytes: of a row in the lake.
        archive_ratio: of an event's bytes, what its line in the archive has, coordinate and all, compressed.
        archive_mb_seconds: the archiver takes for 1 MB of events, of one CPU.
        report_days: how far back verdicts are read every day.
        late_partitions: how many days besides today's rows land in at the same time.
        batch_seconds: a batch takes besides its events: 2 ms of one CPU (1,769 MB), the rest it waits. An estimate.
        event_seconds: an event takes of one CPU, its share of the calls to AWS included.
        log_bytes: written by a batch.
    """

    rate: float
    size: int = 321
    key_bytes: int = 16
    aggregate: int = 1
    peak: float = 1.5
    row_bytes: int = 790
    excerpt_bytes: int = 280
    notice_share: float = 0.0111
    flag_share: float = 0.0411
    notice_bytes: int = 440
    status_share: float = 0.0207
    status_bytes: int = 445
    bad_share: float = 0.002
    parquet_bytes: int = 180
    archive_ratio: float = 0.287
    archive_mb_seconds: float = 0.07
    report_days: int = 90
    late_partitions: float = 1.0
    batch_seconds: float = 0.02
    event_seconds: float = 0.000105
    log_bytes: int = 957

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            least = 1 if name in ("aggregate", "peak", "size") else 0
            if not value >= least or (name == "rate" and value <= 0) or (name.endswith("_share") and value > 1):
                allowed = "above 0" if name == "rate" else f"{least} or more"
                raise ValueError(f"{name} is {value}; allowed: {'0 to 1' if name.endswith('_share') else allowed}")

    @property
    def record_bytes(self) -> int:
        """Of one record of the stream, key included; an aggregate has a header, and a few bytes for each event."""
        if self.aggregate == 1:
            return self.size + self.key_bytes
        return 20 + self.aggregate * (self.size + 12) + self.key_bytes

    @property
    def verdict_bytes(self) -> int:
        """Of a verdict's row as JSON, with its newline."""
        # An event is some 235 bytes without its text.
        return self.row_bytes + min(self.excerpt_bytes, max(0, self.size - 235)) + 1


def read_traffic(path: Path, *, rate: float | None, size: int | None) -> Traffic:
    """The traffic that a TOML file describes: fields of :class:`Traffic`.

    Args:
        path: the file.
        rate, size: hold instead of the file's.

    Raises:
        ValueError: it cannot be read, or a figure is not what it may be.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
        given |= {name: value for name, value in (("rate", rate), ("size", size)) if value is not None}
        return msgspec.convert(given, Traffic)
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: {error}; allowed: {', '.join(Traffic.__struct_fields__)}") from None
