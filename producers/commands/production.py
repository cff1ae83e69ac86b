"""One production from start to end: records to the stream at a pace, rows that are no events to a file, all counted."""

import base64
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from glue.ports import Clock
from glue.readers.rows import SourceError
from glue.terminal.signals import Stop
from producers.delivery.report import DeliveryReport
from producers.delivery.sending import Delivery
from producers.mapping.columns import Condition
from producers.mapping.datasets import PassedOver, RejectedRow
from producers.ports import OutRecord, StreamRefusedError
from producers.spool.errors import SpoolError

Item = OutRecord | RejectedRow | PassedOver

_AHEAD = 0.01
_LONGEST_NAP = 0.2
_SHOWN = 5


class Rejects:
    """The file that takes what could not be sent: JSON lines with place, reason, detail and the row. Made when needed.

    It holds content, so only its owner may read it.

    Args:
        path: where; a file of that name is overwritten.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: BinaryIO | None = None

    def row(self, rejected: RejectedRow) -> None:
        """Writes a row: parsed when it is JSON, as text when it is UTF-8, else in base64."""
        entry: dict[str, object] = {rejected.unit: rejected.line, "reason": rejected.reason, "detail": rejected.detail}
        if rejected.part:
            entry["file"] = rejected.part
        if rejected.is_cut:
            entry["is_cut"] = True
        try:
            text = rejected.raw.decode()
        except UnicodeDecodeError:
            entry["row_base64"] = base64.b64encode(rejected.raw).decode()
        else:
            try:
                msgspec.json.decode(rejected.raw)
                entry["row"] = msgspec.Raw(rejected.raw)
            except (msgspec.MsgspecError, RecursionError):
                entry["row"] = text
        self._write(entry)

    def failed(self, event_id: str, reason: str, detail: str) -> None:
        """Writes an event that the stream did not take."""
        self._write({"event_id": event_id, "reason": f"not_delivered:{reason}", "detail": detail})

    def _write(self, entry: dict[str, object]) -> None:
        if self._file is None:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "wb")
        self._file.write(msgspec.json.encode(entry) + b"\n")
        self.count += 1

    def close(self) -> None:
        """Nothing more is written."""
        if self._file is not None:
            self._file.close()


def free_path(name: str, folder: Path) -> Path:
    """A path for rejects of the source ``name`` that no file has yet.

    >>> free_path("posts.csv", Path("/nonexistent")).name
    'posts.csv.rejects.jsonl'
    """
    number = 1
    while True:
        path = folder / f"{name}.rejects{'' if number == 1 else f'-{number}'}.jsonl"
        if not path.exists():
            return path
        number += 1


class Production(msgspec.Struct, kw_only=True):
    """What became of every row that was read: read = accepted + rejected + passed over + failed, whatever happened.

    With a spool, accepted is what lies there safely, ``sent`` what the stream has taken (what was left over from before
    included) and ``spooled`` what has not been sent yet.
    """

    read: int = 0
    accepted: int = 0
    sent: int = 0
    spooled: int = 0
    rejected: int = 0
    passed_over: int = 0
    failed: int = 0
    reasons: dict[str, int] = {}
    first_rejected: list[str] = []
    passed_by: Condition | None = None
    failures: dict[str, int] = {}
    next_steps: list[str] = []
    calls: int = 0
    throttled: int = 0
    resent: int = 0
    bytes_sent: int = 0
    put_p50_ms: float | None = None
    put_p99_ms: float | None = None
    seconds: float = 0.0
    is_interrupted: bool = False
    stopped: str | None = None
    disk_error: str | None = None
    source_error: str | None = None


def produce(
    items: Iterable[Item],
    delivery: Delivery | None,
    *,
    clock: Clock,
    rejects: Rejects,
    rate: float | None = None,
    limit: int | None = None,
    progress: Callable[[int], None] | None = None,
    stop: Stop | None = None,
) -> Production:
    """Sends the records and gives the account of all items. What was read before a wish to stop is still sent.

    Args:
        items: records, rows that could not become one, and rows that are no content.
        delivery: closed afterwards; None checks everything and sends nothing.
        clock: for the pace.
        rejects: takes the rows, and the ids of events that the stream did not take.
        rate: items a second at most.
        limit: how many items at most, not counting rows that are no content.
        progress: called now and then with the number of items read so far.
        stop: looked at before each item.
    """
    stop = stop or Stop()
    if delivery is not None:
        stop.abandon = delivery.abandon
    done = Production()
    reasons: Counter[str] = Counter()
    passed_over: Counter[Condition] = Counter()
    started = clock.now()
    try:
        for item in _until(items, limit, stop):
            done.read += 1
            if isinstance(item, PassedOver):
                passed_over[item.condition] += 1
                continue
            if isinstance(item, RejectedRow):
                reasons[item.reason] += 1
                if len(done.first_rejected) < _SHOWN:
                    done.first_rejected.append(f"{item.where}: {item.reason}: {item.detail}")
                rejects.row(item)
            elif delivery is not None:
                delivery.put(item)
            if rate is not None:
                _keep_pace(started + done.read / rate, clock, stop)
            if progress is not None and done.read % 256 == 0:
                progress(done.read)
    except StreamRefusedError as error:
        done.stopped = str(error)
    except SourceError as error:
        done.source_error = str(error)
    except (SpoolError, OSError) as error:
        done.disk_error = _disk_error(error)
    done.is_interrupted = stop.is_wished
    done.rejected = sum(reasons.values())
    done.reasons = dict(reasons.most_common())
    done.passed_over = sum(passed_over.values())
    done.passed_by = passed_over.most_common(1)[0][0] if passed_over else None
    if delivery is None:
        done.accepted = done.read - done.rejected - done.passed_over
    else:
        _close(done, delivery, rejects)
        done.is_interrupted = stop.is_wished
    try:
        rejects.close()
    except OSError as error:
        done.disk_error = done.disk_error or _disk_error(error)
    done.seconds = clock.now() - started
    if progress is not None:
        progress(done.read)
    return done


def _close(done: Production, delivery: Delivery, rejects: Rejects) -> None:
    """Sends what is left, and accounts for it."""
    try:
        _account(done, delivery.close(), rejects)
    except (SpoolError, OSError) as error:
        done.disk_error = done.disk_error or _disk_error(error)
    # Of what a broken disk has taken nobody can say how much is there.
    missing = done.read - done.rejected - done.passed_over - done.accepted - done.failed
    if missing > 0 and done.disk_error is not None:
        done.failed += missing
        done.failures["disk"] = missing


def _disk_error(error: Exception) -> str:
    if isinstance(error, OSError):
        return (
            f"the file of rejected rows cannot be written: {error.strerror or type(error).__name__}; "
            "make room there, or name another --rejects"
        )
    return str(error)


def _until(items: Iterable[Item], limit: int | None, stop: Stop) -> Iterator[Item]:
    """The items up to the limit, or up to a wish to stop."""
    rest = iter(items)
    read = 0
    while not stop.is_wished and (limit is None or read < limit):
        try:
            stop.is_interruptible = True
            item = next(rest)
        except (StopIteration, KeyboardInterrupt):
            return
        finally:
            stop.is_interruptible = False
        read += not isinstance(item, PassedOver)
        yield item


def _keep_pace(due: float, clock: Clock, stop: Stop) -> None:
    while (ahead := due - clock.now()) > _AHEAD and not stop.is_wished:
        clock.sleep(min(ahead, _LONGEST_NAP))


def _account(done: Production, report: DeliveryReport, rejects: Rejects) -> None:
    done.accepted, done.sent, done.spooled = report.accepted, report.sent, report.spooled
    for group in report.failed:
        done.failed += len(group.event_ids)
        done.failures[group.reason] = done.failures.get(group.reason, 0) + len(group.event_ids)
        if group.next_step not in done.next_steps:
            done.next_steps.append(group.next_step)
        for event_id in group.event_ids:
            rejects.failed(event_id, group.reason, group.next_step)
    if report.stopped is not None:
        done.stopped = str(report.stopped)
        done.next_steps = [report.stopped.next_step]
    done.calls, done.throttled, done.resent = report.calls, report.throttled, report.resent
    done.bytes_sent = report.bytes_sent
    done.put_p50_ms, done.put_p99_ms = (
        None if (seconds := report.latency(share)) is None else round(seconds * 1000, 1) for share in (0.5, 0.99)
    )
