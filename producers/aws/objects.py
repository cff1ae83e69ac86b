"""Small documents as objects of a bucket, written by conditional puts."""

from typing import Any

from botocore.exceptions import ClientError

from glue.aws.clients import make_client
from glue.aws.errors import ABSENT_CODES, CONDITION_CODES, code_of
from glue.aws.reaching import reaching
from producers.replay.runs import ChangedError


class BucketStore:
    """A :class:`producers.replay.runs.Store` under a prefix of a bucket: one for all machines.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """

    def __init__(self, bucket: str, prefix: str, *, client: Any = None, connections: int = 16) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._client = client or make_client("s3", connections=connections)

    def read(self, name: str) -> tuple[bytes, str] | None:
        """The document and its version; None when there is none."""
        with reaching(f"s3://{self._bucket}/{self._prefix}"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=self._key(name))
            except ClientError as error:
                if code_of(error) in ABSENT_CODES:
                    return None
                raise
            return answer["Body"].read(), str(answer["ETag"])

    def write(self, name: str, data: bytes, version: str | None) -> str:
        """See :class:`producers.replay.runs.Store`."""
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        with reaching(f"s3://{self._bucket}/{self._prefix}"):
            try:
                answer = self._client.put_object(
                    Bucket=self._bucket,
                    Key=self._key(name),
                    Body=data,
                    ContentType="application/json",
                    **condition,
                )
            except ClientError as error:
                if code_of(error) in CONDITION_CODES | ABSENT_CODES:
                    raise ChangedError(name) from None
                raise
            return str(answer["ETag"])

    def names(self) -> set[str]:
        """The documents that there are."""
        with reaching(f"s3://{self._bucket}/{self._prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            return {
                str(item["Key"])[len(self._prefix) :].removesuffix(".json")
                for page in pages
                for item in page.get("Contents", ())
            }

    def _key(self, name: str) -> str:
        return f"{self._prefix}{name}.json"
