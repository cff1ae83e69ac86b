"""A policy as an object in S3, asked for by its entity tag."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from consumers.policy_keeper import StoredPolicy
from consumers.ports import DefectError, TransientError
from glue.aws.errors import code_of

MAX_BYTES = 8 << 20
"""A policy of 100,000 terms is about two megabytes."""
LAST_GOOD = ".last-good"
"""What the copy's key ends with."""
MOST_VERSIONS = 20
"""Versions that a cold start looks through for one that can be used."""

_NOT_THERE = frozenset({"NoSuchKey", "NoSuchBucket", "404", "AccessDenied", "403"})


class S3PolicyStore:
    """See :class:`consumers.policy_keeper.PolicyStore`.

    Args:
        bucket, key: where the policy lies.
        client: boto3's, for S3.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """

    def __init__(self, bucket: str, key: str, *, client: Any) -> None:
        self._bucket = bucket
        self._key = key
        self._client = client

    def read(self, etag: str | None) -> StoredPolicy | None:
        """See :class:`consumers.policy_keeper.PolicyStore`."""
        return self._read(self._key, etag)

    def earlier(self) -> Iterator[StoredPolicy]:
        """See :class:`consumers.policy_keeper.PolicyStore`: the object's versions, newest first, then the copy.

        Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
        """
        for version in self._versions():
            try:
                stored = self._read(self._key, None, version=version)
            except (DefectError, TransientError):
                continue
            if stored is not None:
                yield stored
        try:
            copy = self._read(self._key + LAST_GOOD, None)
        except (DefectError, TransientError):
            return
        if copy is not None:
            yield copy

    def _versions(self) -> list[str]:
        """The object's versions, newest first; none where the bucket keeps none or the role may not list them."""
        try:
            answer = self._client.list_object_versions(Bucket=self._bucket, Prefix=self._key)
        except (ClientError, BotoCoreError):
            return []
        # S3 lists the versions of one key from the newest on; the prefix also finds the copy's.
        found = [str(one["VersionId"]) for one in answer.get("Versions", []) if one["Key"] == self._key]
        return found[:MOST_VERSIONS]

    def _read(self, key: str, etag: str | None, *, version: str | None = None) -> StoredPolicy | None:
        given = {} if etag is None else {"IfNoneMatch": etag}
        if version is not None:
            given["VersionId"] = version
        try:
            answer = self._client.get_object(Bucket=self._bucket, Key=key, **given)
            if answer["ContentLength"] > MAX_BYTES:
                raise DefectError(f"the policy has {answer['ContentLength']} bytes; allowed: {MAX_BYTES}")
            return StoredPolicy(answer["Body"].read().decode(), str(answer["ETag"]))
        except ClientError as error:
            code = code_of(error)
            if code in {"304", "NotModified"}:
                return None
            if code in _NOT_THERE:
                raise DefectError(f"S3 answered {code}") from None
            raise TransientError(f"S3 answered {code}") from None
        except UnicodeDecodeError:
            raise DefectError("the policy is not UTF-8") from None
        except BotoCoreError as error:
            raise TransientError(type(error).__name__) from None
