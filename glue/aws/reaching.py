"""What AWS's errors mean to whoever runs a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

from glue.aws.errors import AWS_ERRORS, NO_CREDENTIALS, NOT_AWS, code_of
from glue.terminal.errors import UnreachableError

NEXT_STEP = (
    "check the name, the credentials and the region (--region, AWS_REGION); on a laptop, `streamkeeper up` prints the "
    "lines to paste"
)


def reason_of(error: Exception) -> str:
    """What an error says in a few words, and nothing of what was sent.

    >>> reason_of(EndpointConnectionError(endpoint_url="http://127.0.0.1:9/"))
    'nothing answers at http://127.0.0.1:9/'
    """
    if isinstance(error, ClientError):
        return code_of(error)
    if isinstance(error, EndpointConnectionError):
        return f"nothing answers at {error.kwargs.get('endpoint_url', 'the endpoint')}"
    if isinstance(error, NO_CREDENTIALS):
        return "no AWS credentials were found"
    if isinstance(error, ResponseParserError):
        return NOT_AWS
    return type(error).__name__


@contextmanager
def reaching(what: str) -> Iterator[None]:
    """Turns what AWS says into one line.

    Raises:
        UnreachableError: the call failed; it names ``what`` and AWS's error, and nothing that was sent.
    """
    try:
        yield
    except AWS_ERRORS as error:
        raise UnreachableError(f"{what}: {reason_of(error)}; {NEXT_STEP}") from None
