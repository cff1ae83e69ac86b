"""AWS's errors by their names. Lambda loads this too: nothing here needs more than botocore."""

from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.parsers import ResponseParserError

AWS_ERRORS = (ClientError, BotoCoreError, ResponseParserError)
"""What a call of botocore may raise; the last one when something else than AWS has answered."""

NOT_AWS = "what answers at the endpoint is not AWS, or is a laptop runtime that is still starting"
"""Why an answer cannot be read, for a message."""

PASSING = frozenset(
    {
        "InternalException",
        "InternalFailure",
        "InternalFailureException",
        "InternalServerError",
        "InternalServiceError",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
"""Errors that pass by themselves: the same call, sent again later, may be answered.

Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
"""The credentials have run out. These pass where a role renews them (a Lambda), and not where somebody logged in."""

CONDITION_CODES = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})
ABSENT_CODES = frozenset({"NoSuchKey", "404", "NotFound"})
NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)


def code_of(error: Any) -> str:
    """AWS's name of an error: of a ``ClientError``."""
    return str(error.response.get("Error", {}).get("Code", "Unknown"))


def passes(error: Any) -> bool:
    """Whether a ``ClientError`` passes by itself: by its code, or as any 5xx and 429."""
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return code_of(error) in PASSING or status >= 500 or status == 429
