"""The Lambda function that archives a Kinesis stream: ``consumers.aws.archive_handler.handle``."""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from botocore.config import Config

from consumers.archiving import archive
from consumers.aws.handler import Handler
from consumers.aws.sinks import RefusedError, call, make_client
from consumers.ports import DefectError, TransientError
from glue.archive import PackedObject
from glue.ports import Clock
from glue.system_clock import SystemClock

BUCKET = "ARCHIVE_BUCKET"
NAMESPACE = "Streamkeeper"
log = logging.getLogger("streamkeeper.archive")
_IS_THERE = ("PreconditionFailed", "412")
_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 3},
    connect_timeout=2,
    read_timeout=10,
    parameter_validation=False,
)


class S3Objects:
    """Objects of one bucket, each written once.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self.written = self.bytes = 0

    def put(self, one: PackedObject) -> None:
        """Writes an object unless it is there: the same key holds the same records. See ``archiving.Put``."""
        try:
            call(
                "s3:PutObject",
                self._client.put_object,
                Bucket=self._bucket,
                Key=one.key,
                Body=one.body,
                ContentType="application/gzip",
                IfNoneMatch="*",
            )
        except RefusedError as error:
            # 409, when two write at once, is none of these: the other one may yet fail.
            if error.code == "ConditionalRequestConflict":
                raise TransientError(error.code) from None
            if error.code not in _IS_THERE:
                raise
            # An earlier try of this very batch has written it.
            return
        self.written += 1
        self.bytes += len(one.body)


class Archiver:
    """The archiver inside a Lambda function.

    Args:
        client: of S3.
        bucket: the lake's.
        function: the function's name, for the metric.
        clock: time.
        to_log: whether the metric goes to standard output, which is the log in Lambda.
    """

    def __init__(self, client: Any, bucket: str, *, function: str, clock: Clock, to_log: bool) -> None:
        self._client = client
        self._bucket = bucket
        self._function = function
        self._clock = clock
        self._to_log = to_log

    def handle(self, event: Any, context: Any) -> dict[str, Sequence[dict[str, str]]]:
        """The answer to one batch; see :func:`consumers.archiving.archive`."""
        objects = S3Objects(self._client, self._bucket)
        answer = archive(event, objects.put)
        records = len(event["Records"])
        log.info("%d records, %d objects, %d bytes", records, objects.written, objects.bytes)
        if answer["batchItemFailures"] and self._to_log:
            # A metric that is there only while something is wrong, so that nobody pays for it otherwise.
            sys.stdout.write(f"{retry_line(records, self._function, self._clock.now())}\n")
        return answer


def application(environment: Mapping[str, str], *, managed: object = None, clock: Clock | None = None) -> Archiver:
    """The archiver that environment variables describe.

    Args:
        environment: the function's.
        managed: nobody is asked; there for whoever makes the functions of a stack alike.
        clock: time; left out, the system's.

    Raises:
        DefectError: the bucket is not named.
    """
    if not (bucket := environment.get(BUCKET, "").strip()):
        raise DefectError(f"{BUCKET}: not set; allowed: the name of the lake bucket")
    return Archiver(
        make_client("s3", _CONFIG),
        bucket,
        function=environment.get("AWS_LAMBDA_FUNCTION_NAME", "archive"),
        clock=clock or SystemClock(),
        to_log="AWS_LAMBDA_LOG_GROUP_NAME" in environment,
    )


def retry_line(records: int, function: str, now: float) -> str:
    """The metric ``ToRetry`` in CloudWatch's embedded format: records that come again.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
    """
    metric = {"Namespace": NAMESPACE, "Dimensions": [["Function"]], "Metrics": [{"Name": "ToRetry", "Unit": "Count"}]}
    written = {"Timestamp": int(now * 1000), "CloudWatchMetrics": [metric]}
    return json.dumps({"_aws": written, "Function": function, "ToRetry": records})


handle: Handler[dict[str, Sequence[dict[str, str]]]] = Handler(application)
