"""Kinesis as delivery sees a stream: PutRecords, and AWS's errors sorted by what can be done about them."""

from collections.abc import Sequence
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from producers.ports import CallFailedError, CallRefusedError, OutRecord, PutResult, StreamRefusedError

_NEXT_STEPS = {
    "ResourceNotFoundException": "Check the stream's name and AWS_REGION, or deploy the stack; on a laptop, "
    "`streamkeeper up` prints the lines to paste",
    "AccessDeniedException": "Allow kinesis:PutRecords on this stream to the role in use (aws sts get-caller-identity)",
    "KMSAccessDeniedException": "Allow kms:GenerateDataKey on the stream's key to the role in use",
    "KMSDisabledException": "Enable the stream's KMS key",
    "KMSInvalidStateException": "Bring the stream's KMS key back into use; it may be pending deletion",
    "KMSNotFoundException": "The stream's KMS key is gone: give the stream another key",
    "KMSOptInRequired": "The account must sign up for KMS in this region",
    "ExpiredTokenException": "Log in again: the credentials have expired",
    "ExpiredToken": "Log in again: the credentials have expired",
    "UnrecognizedClientException": "Check the credentials and the region",
    "InvalidClientTokenId": "Check the credentials",
    "InvalidSignatureException": "Check the secret key and this machine's clock",
    "RequestExpired": "Set this machine's clock",
    "NoCredentials": "Configure AWS credentials, or start the laptop runtime with `streamkeeper up` and paste its "
    "lines",
    "NoRegion": "Set AWS_REGION",
}
_PASSING = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "LimitExceededException",
        "KMSThrottlingException",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "RequestTimeout",
        "RequestTimeoutException",
        "InternalFailure",
        "InternalFailureException",
        "ServiceUnavailable",
    }
)
_CONTENT = frozenset(
    {
        "InvalidArgumentException",
        "ValidationException",
        "ValidationError",
        "SerializationException",
        "RequestEntityTooLarge",
        "413",
    }
)


class KinesisStream:
    """A Kinesis stream; safe to use from several threads.

    Args:
        name: the stream's name.
        region: None takes it from the environment.
        endpoint_url: None takes AWS's, or AWS_ENDPOINT_URL.
        in_flight: calls at the same time, for the size of the connection pool.
    """

    def __init__(
        self, name: str, *, region: str | None = None, endpoint_url: str | None = None, in_flight: int = 4
    ) -> None:
        self.name = name
        config = Config(
            # Delivery retries by record; a retry in here would resend what was taken, and twice as often.
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=5,
            read_timeout=30,
            tcp_keepalive=True,
            max_pool_connections=max(in_flight, 1),
            # Batching has checked every limit; checking again costs a quarter of a client's CPU.
            parameter_validation=False,
        )
        try:
            self._client: Any = boto3.session.Session().client(
                "kinesis", region_name=region, endpoint_url=endpoint_url, config=config
            )
        except NoRegionError:
            raise self._refused("NoRegion", region or "no region") from None
        self.region: str = self._client.meta.region_name

    def put(self, records: Sequence[OutRecord]) -> list[PutResult]:
        """One PutRecords call; results by position. Errors as in :class:`producers.ports.Stream`."""
        try:
            answer = self._client.put_records(
                StreamName=self.name,
                Records=[{"Data": record.data, "PartitionKey": record.partition_key} for record in records],
            )
        except ClientError as error:
            raise self._sorted(error) from None
        except (HTTPClientError, BotoConnectionError) as error:
            raise CallFailedError(type(error).__name__) from None
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError):
            raise self._refused("NoCredentials", self.region) from None
        except BotoCoreError as error:
            raise self._refused(type(error).__name__, self.region) from None
        return [
            PutResult(item.get("SequenceNumber"), item.get("ShardId"), item.get("ErrorCode"))
            for item in answer.get("Records", ())
        ]

    def _sorted(self, error: ClientError) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", "Unknown"))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _PASSING or status >= 500:
            return CallFailedError(code)
        if code in _CONTENT or status == 413:
            return CallRefusedError(code)
        return self._refused(code, self.region)

    def _refused(self, code: str, region: str) -> StreamRefusedError:
        next_step = _NEXT_STEPS.get(code, "See AWS's documentation of this error; nothing was retried")
        return StreamRefusedError(stream=self.name, region=region, code=code, next_step=next_step)
