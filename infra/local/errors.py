"""The error an AWS API of the twin answers with."""


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
