"""The error an AWS API of the twin answers with."""

import json
from typing import Final
from xml.sax.saxutils import escape

XML_SERVICES: Final = frozenset({"s3", "sns", "cloudformation", "iam", "sts"})
"""The services, by the names that calls are signed for, whose errors are XML; those of the others are JSON."""


def error_body(service: str, code: str, message: str) -> tuple[str, bytes]:
    """The content type and the body of an error in the protocol of a service.

    >>> error_body("s3", "AccessDenied", "a < b")
    ('text/xml', b'<Error><Code>AccessDenied</Code><Message>a &lt; b</Message></Error>')
    >>> error_body("kinesis", "InternalFailure", "no")
    ('application/x-amz-json-1.1', b'{"__type": "InternalFailure", "message": "no"}')
    """
    if service not in XML_SERVICES:
        return "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
    error = f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message></Error>"
    return "text/xml", (error if service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>").encode()


class ApiError(Exception):
    """An AWS error answer: its code, its message and the HTTP status.

    Args:
        code: AWS's own name of the error, e.g. ``ResourceNotFoundException``.
        message: what was received and what is allowed; shown to the caller.
        status: HTTP status, 400 to 599.

    >>> ApiError("ResourceNotFoundException", "Stream x not found").status
    400
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
