"""The parts of a stack that bring the past back, by the names of its outputs."""

from collections.abc import Mapping, Sequence

from glue.aws.address import parse_prefix
from glue.ports import Clock
from producers.aws.archive import S3Archive
from producers.aws.dead_letters import BucketLetters, PointedLetters, queue_messages
from producers.aws.kinesis import KinesisStream
from producers.aws.objects import BucketStore
from producers.aws.quarantine import Quarantine, Recovery
from producers.aws.reading import KinesisReader
from producers.aws.tables import AthenaTables


class AwsParts:
    """What a stack has, each made when it is asked for.

    Args:
        names: the stack's outputs.
        clock: time.
    """

    def __init__(self, names: Mapping[str, str], clock: Clock) -> None:
        self._names = names
        self._clock = clock

    def archive(self) -> S3Archive:
        """The archive in the lake bucket."""
        return S3Archive(self._names["LakeBucketName"])

    def reader(self) -> KinesisReader:
        """The stream, to read from."""
        return KinesisReader(self._names["ContentStreamName"], clock=self._clock)

    def open_shards(self) -> int:
        """How many shards take records."""
        return self.reader().open_shards()

    def stream(self) -> KinesisStream:
        """The stream, to put on."""
        return KinesisStream(self._names["ContentStreamName"])

    def tables(self) -> AthenaTables:
        """The tables of the lake."""
        return AthenaTables(
            database=self._names["DatabaseName"], workgroup=self._names["WorkGroupName"], clock=self._clock
        )

    def arrivals(self) -> AthenaTables:
        """Who knows when events had first arrived."""
        return self.tables()

    def store(self, place: str) -> BucketStore:
        """Where runs are kept: ``s3://BUCKET/PREFIX``."""
        bucket, prefix = parse_prefix(place)
        return BucketStore(bucket, f"{prefix.rstrip('/')}/" if prefix else "")

    def ledger(self) -> BucketStore:
        """Where it is written down what was brought back."""
        return BucketStore(self._names["LakeBucketName"], "redriven/")

    def quarantine(self, *, since: float, until: float, reasons: frozenset[str]) -> Quarantine:
        """The records in quarantine."""
        recover = Recovery(self.reader(), self.archive())
        return Quarantine(self.tables(), since=since, until=until, reasons=reasons, recover=recover)

    def dead_letters(self, *, since: float, until: float, reasons: frozenset[str]) -> BucketLetters:
        """The dead letters of the bucket."""
        return BucketLetters(self._names["DeadLetterBucketName"], since=since, until=until, reasons=reasons)

    def pointed_letters(
        self, queue_url: str | None, texts: Sequence[str], *, since: float, until: float, reasons: frozenset[str]
    ) -> PointedLetters:
        """The dead letters that a queue, or these texts, tell of."""
        messages = queue_messages(queue_url) if queue_url is not None else ((text, None) for text in texts)
        return PointedLetters(messages, self.reader(), since=since, until=until, reasons=reasons)

    def with_verdict(self) -> AthenaTables:
        """Who knows which events have a verdict."""
        return self.tables()
