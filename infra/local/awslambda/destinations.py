"""Writes the record of a discarded batch to a bucket, queue or topic."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol
from uuid import uuid4

import msgspec

from infra.local.awslambda.documents import Discarded, full_invocation_record, invocation_record, object_key


class FailureDestinations(Protocol):
    """Where discarded batches are written down."""

    def write(self, discarded: Discarded, *, destination: str, mapping_uuid: str) -> None:
        """Writes, or raises; the caller tries again."""
        ...


class AwsDestinations:
    """Failure destinations behind AWS SDK clients.

    Args:
        client: gives the boto3 client of a service name (``s3``, ``sqs`` or ``sns``); asked once for each.
    """

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._make = client
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def _client(self, service: str) -> Any:
        # boto3 clients may be shared between threads, but must not be made by two at once.
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._make(service)
            return self._clients[service]

    def write(self, discarded: Discarded, *, destination: str, mapping_uuid: str) -> None:
        """Puts the whole invocation record into a bucket, or sends its metadata to a queue or topic.

        Args:
            destination: the ARN of the bucket, queue or topic.

        Raises:
            ValueError: for an ARN of another service.
        """
        service = destination.split(":")[2]
        if service == "s3":
            self._client("s3").put_object(
                Bucket=destination.rpartition(":")[2],
                Key=object_key(discarded, mapping_uuid=mapping_uuid, unique=str(uuid4())),
                Body=msgspec.json.encode(full_invocation_record(discarded)),
                ContentType="application/json",
            )
        elif service == "sqs":
            client = self._client("sqs")
            url = client.get_queue_url(QueueName=destination.rpartition(":")[2])["QueueUrl"]
            client.send_message(QueueUrl=url, MessageBody=_text(discarded))
        elif service == "sns":
            self._client("sns").publish(TopicArn=destination, Message=_text(discarded))
        else:
            raise ValueError(f"on-failure destination {destination}: a bucket, queue or topic ARN is needed")


def _text(discarded: Discarded) -> str:
    return msgspec.json.encode(invocation_record(discarded)).decode()
