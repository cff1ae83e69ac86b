"""Which rights a stage needs of others to let a caller in, to act as a role and to call a function.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/permissions.html
"""

from typing import Protocol


class Guard(Protocol):
    """Judges the rights of an API's callers, and of the API itself."""

    def invokes(self, authorization: str, method: str) -> bool:
        """Whether who signed a request may call a method.

        Args:
            authorization: the request's header.
            method: ``arn:...:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH``.
        """

    def assumes(self, role: str) -> bool:
        """Whether API Gateway may act as the role in an integration's ``credentials``; empty when there is none."""

    def calls(self, function: str, method: str) -> bool:
        """Whether a function's own policy lets a method call it; both by their ARNs."""


class Unguarded:
    """Lets everybody do everything, as where rights are not enforced."""

    def invokes(self, authorization: str, method: str) -> bool:
        """True."""
        return True

    def assumes(self, role: str) -> bool:
        """True."""
        return True

    def calls(self, function: str, method: str) -> bool:
        """True."""
        return True
