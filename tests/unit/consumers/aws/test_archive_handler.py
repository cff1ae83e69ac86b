"""The archiver's function: what S3 answers, and what comes of it."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from consumers.archiving import archive
from consumers.aws.archive_handler import S3Objects
from consumers.ports import DefectError, TransientError
from glue.archive import PackedObject
from tests.fakes.kinesis_events import kinesis_event, payload

ONE = PackedObject("archive/dt=2026-01-02/x.gz", b"body", 1)


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
        client.create_bucket(Bucket="lake")
        client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
        yield client


class Refusing:
    """A client whose every call ends in an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def put_object(self, **_: object) -> object:
        raise self.error


def refused(code: str, status: int) -> ClientError:
    return ClientError({"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")


def test_a_batch_that_comes_again_writes_nothing_again(s3: Any) -> None:
    objects = S3Objects(s3, "lake")
    for _ in range(3):
        assert archive(kinesis_event([payload(1, "a")]), objects.put) == {"batchItemFailures": []}
    versions = s3.list_object_versions(Bucket="lake")["Versions"]
    assert (len(versions), objects.written) == (1, 1)
    assert objects.bytes == versions[0]["Size"]


@pytest.mark.parametrize(
    "error",
    [
        refused("SlowDown", 503),
        refused("InternalError", 500),
        refused("ConditionalRequestConflict", 409),
        refused("ExpiredToken", 400),
        EndpointConnectionError(endpoint_url="x"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again_by_the_mapping(error: Exception) -> None:
    with pytest.raises(TransientError):
        S3Objects(Refusing(error), "lake").put(ONE)


@pytest.mark.parametrize("error", [refused("AccessDenied", 403), refused("NoSuchBucket", 404)], ids=str)
def test_what_does_not_pass_fails_the_invocation_and_says_what_to_look_at(error: Exception) -> None:
    with pytest.raises(DefectError, match="s3:PutObject was refused"):
        S3Objects(Refusing(error), "lake").put(ONE)


def test_the_function_loads_no_policy_no_model_and_no_moderation() -> None:
    code = (
        "import sys, consumers.aws.archive_handler;"
        "parts = ('consumers.mod', 'consumers.pol', 'consumers.batch', 're2', 'ahocorasick');"
        "print([name for name in sys.modules if name.startswith(parts)])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
