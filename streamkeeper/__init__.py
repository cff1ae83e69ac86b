"""What programs of others use of Streamkeeper: a client of its API, and what a receiver of webhooks needs."""

from glue.contract import Notice
from glue.webhooks import Answer, SignatureError, VerdictMessage, verify
from producers.api.client import Accepted, Changes, Client, Decided, Pending, Refused, Score
from producers.api.exchange import ApiError, FieldProblem, RefusedError, UnavailableError

__all__ = [
    "Accepted",
    "Answer",
    "ApiError",
    "Changes",
    "Client",
    "Decided",
    "FieldProblem",
    "Notice",
    "Pending",
    "Refused",
    "RefusedError",
    "Score",
    "SignatureError",
    "UnavailableError",
    "VerdictMessage",
    "verify",
]
