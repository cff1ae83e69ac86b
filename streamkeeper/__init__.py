"""What programs of others use of Streamkeeper: to believe a webhook."""

from glue.contract import Notice
from glue.webhooks import Answer, SignatureError, VerdictMessage, verify

__all__ = ["Answer", "Notice", "SignatureError", "VerdictMessage", "verify"]
