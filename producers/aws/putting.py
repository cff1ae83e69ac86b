"""Calls that put records, and AWS's errors sorted by what can be done about them; the same for every kind of stream."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from glue.aws.clients import ONCE, make_client
from glue.aws.errors import NO_CREDENTIALS, code_of, passes
from producers.ports import CallFailedError, CallRefusedError, StreamRefusedError

_NEXT_STEPS = {
    "ResourceNotFoundException": "Check the stream's name and the region (--region, AWS_REGION), or deploy the "
    "stack; on a laptop, `streamkeeper up` prints the lines to paste",
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
}
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
        in_flight: calls at the same time, for the size of the connection pool.

    Raises:
        UnreachableError, WrongUseError: as :func:`glue.aws.clients.make_client`.
    """

    def __init__(self, service: str, *, stream: str, right: str, in_flight: int) -> None:
        self._stream = stream
        self._right = right
        # Batching has checked every limit; checking again costs a quarter of a client's CPU.
        self.client: Any = make_client(
            service, attempts=ONCE, connections=in_flight, read_timeout=30, parameter_validation=False
        )
        self.region: str = self.client.meta.region_name

    def call(self, method: Any, **parameters: object) -> Any:
        """The answer to one call; errors as in :class:`producers.ports.Stream`."""
        try:
            return method(**parameters)
        except ClientError as error:
            raise self._sorted(error) from None
        except (HTTPClientError, BotoConnectionError) as error:
            raise CallFailedError(type(error).__name__) from None
        except NO_CREDENTIALS:
            raise self._refused("NoCredentials", self.region) from None
        except BotoCoreError as error:
            raise self._refused(type(error).__name__, self.region) from None

    def _sorted(self, error: ClientError) -> Exception:
        code = code_of(error)
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if passes(error):
            return CallFailedError(code)
        if code in _CONTENT or status == 413:
            return CallRefusedError(code)
        return self._refused(code, self.region)

    def _refused(self, code: str, region: str) -> StreamRefusedError:
        next_step = _NEXT_STEPS.get(code, "See AWS's documentation of this error; nothing was retried")
        return StreamRefusedError(
            stream=self._stream, region=region, code=code, next_step=next_step.replace("{right}", self._right)
        )
