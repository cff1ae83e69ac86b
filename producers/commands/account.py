"""The account of a production in words."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from glue.codec import wire_timestamp
from producers.commands.advice import advice
from producers.commands.production import Production
from producers.mapping.datasets import Dataset


class Account(Struct, frozen=True, kw_only=True):
    """What there is to say about a production.

    Args:
        done: the numbers.
        name: what was read.
        dataset: where it came from; None: made up.
        preset: by which it was read.
        rejects: the file of what was not accepted.
        spool: the folder, if there is one.
        is_dry: whether nothing was sent.
        as_of: epoch seconds that now meant.
    """

    done: Production
    name: str
    dataset: Dataset | None
    preset: str | None
    rejects: str | None
    spool: Path | None
    is_dry: bool
    as_of: float

    def lines(self) -> Iterator[str]:
        """The account in words."""
        yield f"{self.done.read:,} read from {self.name} in {self.done.seconds:.1f} s"
        yield from self._sent()
        yield from self._read()
        yield f"{self.done.failed:,} failed{_counted(self.done.failures)}"
        yield from (f"  {step}" for step in self.done.next_steps)
        yield from self._end()

    def _sent(self) -> Iterator[str]:
        done = self.done
        if self.is_dry:
            yield f"{done.accepted:,} would be sent; nothing was (--dry-run)"
            return
        if self.spool is not None:
            yield f"{done.accepted:,} accepted into {self.spool}"
        pace = f"{done.accepted / done.seconds:,.0f}/s" if done.seconds > 0 else "at once"
        taken = f"{done.sent:,} sent" if self.spool is not None else f"{done.accepted:,} accepted by the stream"
        yield (
            f"{taken}: {done.bytes_sent / 1e6:,.1f} MB in {done.calls:,} calls, {pace}; "
            f"{done.throttled:,} throttled and sent again"
        )
        if done.spooled:
            yield f"{done.spooled:,} are still in the spool, safe; to send them: streamkeeper spool flush {self.spool}"

    def _read(self) -> Iterator[str]:
        done = self.done
        if self.dataset is not None and self.dataset.source.left_out:
            yield (
                f"{self.dataset.source.left_out:,} files left out: their names do not say what they hold; "
                "say --pattern or --format"
            )
        if done.passed_over:
            yield f"{done.passed_over:,} rows passed over, which are not content (by --preset)"
        yield f"{done.rejected:,} rejected{_counted(done.reasons)}"
        yield from (f"  {line}" for line in done.first_rejected)
        yield from (f"  {hint}" for hint in self.hints())
        if self.dataset is not None and (shift := self.dataset.mapping.shift) is not None:
            squeezed = f", distances divided by {1 / shift.scale:,.0f}" if shift.scale != 1 else ""
            yield f"times moved: {shift.first:%Y-%m-%d} to {shift.last:%Y-%m-%d} now ends {iso(self.as_of)}{squeezed}"

    def _end(self) -> Iterator[str]:
        done = self.done
        if self.rejects is not None:
            yield f"what was not accepted is in {self.rejects}"
        if done.source_error is not None:
            said = "the source broke off" if done.read else "nothing was read"
            yield f"{said}: {done.source_error}"
        if done.disk_error is not None:
            yield f"stopped: {done.disk_error}"
        if done.stopped is not None:
            yield f"stopped: {done.stopped}"
        if done.is_interrupted:
            yield "stopped by Ctrl-C; all that had been read is accounted for above"
        untimed = self.dataset.notes.untimed if self.dataset is not None else 0
        if untimed:
            yield f"{untimed:,} rows have no time: their events have that of this run (--map created_at=COLUMN)"
        is_partial = done.failed or done.is_interrupted or done.stopped or done.disk_error
        if (is_partial or untimed) and not self.is_dry:
            yield f"to send the same events again, under the same ids: the same command with --as-of {iso(self.as_of)}"

    def hints(self) -> list[str]:
        """What to know, or to say otherwise, about how the rows were read."""
        return [] if self.dataset is None else advice(self.done, self.dataset, self.preset)


def iso(seconds: float) -> str:
    """Epoch seconds as a time that ``--as-of`` takes."""
    return wire_timestamp(datetime.fromtimestamp(seconds, UTC))


def _counted(counts: dict[str, int]) -> str:
    return ": " + ", ".join(f"{reason} {count:,}" for reason, count in counts.items()) if counts else ""
