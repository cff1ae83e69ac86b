"""Calls that put records, and AWS's errors sorted by what can be done about them; the same for every kind of stream."""

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

from producers.ports import CallFailedError, CallRefusedError, StreamRefusedError

_NEXT_STEPS = {
    "ResourceNotFoundException": "Check the stream's name and AWS_REGION, or deploy the stack; on a laptop, "
    "`streamkeeper up` prints the lines to paste",
    "AccessDeniedException": "Allow {right} on this stream to the role in use (aws sts get-caller-identity)",
    "KMSAccessDeniedException": "Allow kms:GenerateDataKey on the stream's key to the role in use",
    "KMSDisabledException": "Enable the stream's KMS key",
    "KMSInvalidStateException": "Bring the stream's KMS key back into use; it may be pending deletion",
    "KMSNotFoundException": "The stream's KMS key is gone: give the stream another key",
    "InvalidKMSResourceException": "Bring the stream's KMS key back into use, or allow its use to the role",
    "InvalidSourceException": "This delivery stream reads from a Kinesis stream; put the records there",
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
        "ServiceUnavailableException",
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


class Putting:
    """A service's client, for the calls on one stream; safe to use from several threads.

    Args:
        service: of boto3.
        stream: its name, for messages.
        right: what a role must be allowed, for messages.
        region: None takes it from the environment.
        endpoint_url: None takes AWS's, or AWS_ENDPOINT_URL.
        in_flight: calls at the same time, for the size of the connection pool.

    Raises:
        StreamRefusedError: there is no region.
    """

    def __init__(
        self, service: str, *, stream: str, right: str, region: str | None, endpoint_url: str | None, in_flight: int
    ) -> None:
        self._stream = stream
        self._right = right
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
            self.client: Any = boto3.session.Session().client(
                service, region_name=region, endpoint_url=endpoint_url, config=config
            )
        except NoRegionError:
            raise self._refused("NoRegion", region or "no region") from None
        self.region: str = self.client.meta.region_name

    def call(self, method: Any, **parameters: object) -> Any:
        """The answer to one call; errors as in :class:`producers.ports.Stream`."""
        try:
            return method(**parameters)
        except ClientError as error:
            raise self._sorted(error) from None
        except (HTTPClientError, BotoConnectionError) as error:
            raise CallFailedError(type(error).__name__) from None
        except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError):
            raise self._refused("NoCredentials", self.region) from None
        except BotoCoreError as error:
            raise self._refused(type(error).__name__, self.region) from None

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
        return StreamRefusedError(
            stream=self._stream, region=region, code=code, next_step=next_step.replace("{right}", self._right)
        )
