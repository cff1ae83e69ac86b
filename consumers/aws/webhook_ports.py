"""SQS and the Parameter Store behind the webhook's ports."""

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.aws.sinks import call
from consumers.ports import DefectError, TransientError
from consumers.webhooks.subscribers import Refusal, Subscriber, read_subscriber


class SqsQueue:
    """The webhook's queue and its dead letters.

    Each delivery carries its subscriber as message group, so that SQS hands out those of others first when one
    subscriber has many in flight or takes long.

    Args:
        client: of SQS.
        url, dead_letter_url: the queues.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
    """

    def __init__(self, client: Any, *, url: str, dead_letter_url: str) -> None:
        self._client = client
        self._url = url
        self._dead_letter_url = dead_letter_url

    def send(self, bodies: Sequence[tuple[str, str]]) -> Sequence[str | None]:
        """For each body None or the error's code; see :class:`consumers.webhooks.ports.Queue`."""
        answer = call(
            "sqs:SendMessage",
            self._client.send_message_batch,
            QueueUrl=self._url,
            Entries=[
                {"Id": str(at), "MessageBody": body, "MessageGroupId": name} for at, (name, body) in enumerate(bodies)
            ],
        )
        taken = {entry["Id"] for entry in answer.get("Successful", ())}
        codes = {entry["Id"]: str(entry.get("Code") or "Unknown") for entry in answer.get("Failed", ())}
        return [None if str(at) in taken else codes.get(str(at), "NoAnswer") for at in range(len(bodies))]

    def hide(self, handle: str, seconds: int) -> None:
        """Hides a message; when that fails, the queue's own time counts."""
        try:
            call(
                "sqs:ChangeMessageVisibility",
                self._client.change_message_visibility,
                QueueUrl=self._url,
                ReceiptHandle=handle,
                VisibilityTimeout=seconds,
            )
        except (TransientError, DefectError):
            return

    def bury(self, body: str, reason: str) -> None:
        """Puts a message into the dead letters, with the reason as an attribute."""
        call(
            "sqs:SendMessage",
            self._client.send_message,
            QueueUrl=self._dead_letter_url,
            MessageBody=body,
            MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
        )


class ParameterDirectory:
    """Subscribers as parameters below one path: the name's last part is the subscriber's, its value the document.

    Args:
        client: of the Parameter Store (SSM).
        path: without a slash at its end.
        seconds: for how long what was read counts; what was read last counts while nothing can be read.

    Source: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParametersByPath.html
    """

    def __init__(self, client: Any, path: str, *, seconds: float = 60.0) -> None:
        self._client = client
        self._path = path
        self._seconds = seconds
        self._found: Mapping[str, Subscriber | Refusal] | None = None
        self._read_at = 0.0

    def read(self, now: float) -> Mapping[str, Subscriber | Refusal]:
        """The subscribers; see :class:`consumers.webhooks.ports.Directory`."""
        if self._found is None or not 0 <= now - self._read_at < self._seconds:
            try:
                self._found = self._read()
            except TransientError:
                if self._found is None:
                    raise
            self._read_at = now
        return self._found

    def _read(self) -> dict[str, Subscriber | Refusal]:
        found: dict[str, Subscriber | Refusal] = {}
        token: dict[str, str] = {}
        while True:
            answer = call(
                "ssm:GetParametersByPath",
                self._client.get_parameters_by_path,
                Path=self._path,
                WithDecryption=True,
                **token,
            )
            for parameter in answer["Parameters"]:
                found[parameter["Name"].rpartition("/")[2]] = read_subscriber(parameter["Value"])
            if not answer.get("NextToken"):
                return found
            token = {"NextToken": answer["NextToken"]}
