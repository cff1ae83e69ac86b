"""Lambda's REST API over streams, functions and mappings, on a clock that the test moves."""

import json
from pathlib import Path

from infra.local.awslambda.api import EventSourceApi
from infra.local.awslambda.driver import EventSourceDriver
from infra.local.awslambda.functions import Functions
from infra.local.awslambda.functions_api import LambdaApi
from infra.local.errors import ApiError
from infra.local.kinesis.api import KinesisApi
from infra.local.kinesis.streams import Streams

ROLE = "arn:aws:iam::000000000000:role/worker"
STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/content"

CODE = {"S3Bucket": "this-checkout", "S3Key": "lambda"}


class ManualClock:
    def __init__(self):
        self.time = 1_700_000_000.0

    def now(self):
        return self.time


class Nowhere:
    def write(self, discarded, *, destination, mapping_uuid):
        raise AssertionError("nothing is to be written")


class Rig:
    kept: Path

    def __init__(self, **driver):
        self.clock = ManualClock()
        self.streams = Streams()
        self.streams.create("content", shard_count=1, now=self.clock.time)
        self.functions = Functions()
        self.kinesis = KinesisApi(self.streams, self.clock)
        self.driver = EventSourceDriver(
            streams=self.streams, functions=self.functions, destinations=Nowhere(), clock=self.clock, **driver
        )
        self.stored = {}
        self.api = LambdaApi(
            self.functions,
            EventSourceApi(self.driver, self.functions, self.streams),
            self.clock,
            fetch=self.fetch,
        )

    def fetch(self, bucket, key):
        if (bucket, key) not in self.stored:
            raise ApiError("NoSuchKey", "the key does not exist in this bucket", 404)
        return self.stored[bucket, key]

    def request(self, method, path, body=None, *, query=None, headers=None):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        status, answered, text = self.api.handle(method, f"/2015-03-31{path}", query or {}, raw, headers)
        return status, answered, json.loads(text) if text else None

    def function(self, name="moderate", handler="sample_lambda.handle", **more):
        body = {
            "FunctionName": name,
            "Handler": handler,
            "Role": ROLE,
            "Code": CODE,
            **more,
        }
        return self.request("POST", "/functions", body)

    def map(self, **more):
        body = {"FunctionName": "moderate", "EventSourceArn": STREAM, "StartingPosition": "TRIM_HORIZON", **more}
        return self.request("POST", "/event-source-mappings", body)
