"""What CloudWatch counts of a delivery stream.

Source: https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
"""

from collections.abc import Iterable, Sequence
from typing import Final

from infra.local.cloudwatch.meter import Meter
from infra.local.firehose.errors import CONVERSION, PARTITION_LIMIT
from infra.local.firehose.objects import S3Object
from infra.local.firehose.records import SourceRecord
from infra.local.firehose.stream import Delivery, DeliveryStream

_NAMESPACE: Final = "AWS/Firehose"


class Counting:
    """Emits a delivery stream's metrics.

    Args:
        meter: takes them.
        name: of the delivery stream, their one dimension.
    """

    def __init__(self, meter: Meter, name: str) -> None:
        self._meter = meter
        self._dimensions = {"DeliveryStreamName": name}
        self._over_limit = 0

    def put(self, records: Sequence[SourceRecord], throttled: int) -> None:
        """What a Direct PUT brought."""
        self._add("IncomingRecords", len(records))
        self._add("IncomingBytes", sum(len(record.data) for record in records), "Bytes")
        self._add("ThrottledRecords", throttled)

    def read(self, records: Sequence[SourceRecord], behind_ms: int) -> None:
        """What a look at the source stream brought."""
        self._add("DataReadFromKinesisStream.Records", len(records))
        self._add("DataReadFromKinesisStream.Bytes", sum(len(record.data) for record in records), "Bytes")
        self._add("KinesisMillisBehindLatest", behind_ms, "Milliseconds")

    def processed(self, succeeded: bool) -> None:
        """An invocation of the transform function."""
        self._add("ExecuteProcessing.Success", succeeded)

    def wrote(self, item: S3Object) -> None:
        """An object that S3 took."""
        if item.error is not None:
            if item.error == CONVERSION:
                self._add("FailedConversion.Records", item.rows)
            return
        where = "BackupToS3" if item.backup else "DeliveryToS3"
        self._add(f"{where}.Success", 1)
        self._add(f"{where}.Records", item.rows)
        self._add(f"{where}.Bytes", len(item.body), "Bytes")

    def not_written(self, item: S3Object | None) -> None:
        """An object that S3 did not take; None for one that could not even be made."""
        self._add("BackupToS3.Success" if item is not None and item.backup else "DeliveryToS3.Success", 0)

    def gauges(
        self, core: DeliveryStream, waiting: Iterable[Delivery], unwritten: Iterable[S3Object], now: float
    ) -> None:
        """What is so at the end of a minute. Of a stream that holds nothing there is no data.

        Args:
            waiting: what has left the buffers and is no object yet.
            unwritten: objects that S3 has not taken yet.
            now: epoch seconds.
        """
        held = [*core.waiting(), *((one.backup, origin.arrival) for one in waiting for origin in one.origins)]
        held += [(item.backup, item.oldest) for item in unwritten]
        for backup, where in ((False, "DeliveryToS3"), (True, "BackupToS3")):
            ages = [now - arrival for is_backup, arrival in held if is_backup == backup]
            if ages:
                self._add(f"{where}.DataFreshness", max(ages), "Seconds")
        over_limit = core.progress(now).failed.get(PARTITION_LIMIT, 0)
        if core.partitions:
            self._add("PartitionCount", core.partitions)
            self._add("PartitionCountExceeded", over_limit > self._over_limit)
        self._over_limit = over_limit

    def _add(self, name: str, value: float, unit: str = "Count") -> None:
        self._meter.add(_NAMESPACE, name, self._dimensions, value, unit)
