"""What Perspective's form answers when it refuses: the messages are part of the form, since clients read them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from consumers.scoring.messages import JSON, Response

_ERROR = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"
_INFO = "type.googleapis.com/google.rpc.ErrorInfo"
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_SERVICE = "commentanalyzer.googleapis.com"
MAX_TEXT_BYTES = 20_480


class FormError(Exception):
    """A request that is refused.

    Args:
        code: the status of HTTP.
        status: its name in the form.
        message: what is wrong.
        details: typed details; none: the answer has no such list.
    """

    def __init__(self, code: int, status: str, message: str, details: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.message = message
        self.details = details

    def response(self, *, route: str, client: str = "", headers: tuple[tuple[str, str], ...] = ()) -> Response:
        """The error as an answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": self.status}
        if self.details:
            error["details"] = list(self.details)
        return Response(self.code, msgspec.json.encode({"error": error}), (JSON, *headers), route, client)


def _invalid(message: str, error_type: str = "", **more: Any) -> FormError:
    details = [{"@type": _ERROR, "errorType": error_type, **more}] if error_type else []
    return FormError(400, "INVALID_ARGUMENT", message, details)


def no_key() -> FormError:
    """Nobody says who asks."""
    return FormError(
        403,
        "PERMISSION_DENIED",
        "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other "
        "form of API consumer identity to call this API.",
    )


def bad_key() -> FormError:
    """A key of nobody."""
    info = {
        "@type": _INFO,
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": _SERVICE},
    }
    return FormError(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [info])


def over_quota(per_minute: int) -> FormError:
    """This minute's requests are used up."""
    info = {
        "@type": _INFO,
        "reason": "RATE_LIMIT_EXCEEDED",
        "domain": "googleapis.com",
        "metadata": {
            "service": _SERVICE,
            "quota_metric": f"{_SERVICE}/analyze_requests",
            "quota_limit": "AnalyzeRequestsPerMinutePerProject",
            "quota_limit_value": str(per_minute),
        },
    }
    message = (
        "Quota exceeded for quota metric 'Analysis requests (AnalyzeComment)' and limit 'Analysis requests "
        f"(AnalyzeComment) per minute' of service '{_SERVICE}'."
    )
    return FormError(429, "RESOURCE_EXHAUSTED", message, [info])


def malformed(description: str, field: str = "") -> FormError:
    """Not JSON, or not of the form."""
    violation = {"description": description} | ({"field": field} if field else {})
    return FormError(
        400,
        "INVALID_ARGUMENT",
        f"Invalid JSON payload received. {description}",
        [{"@type": _BAD_REQUEST, "fieldViolations": [violation]}],
    )


def empty_comment() -> FormError:
    """No text, or nothing but white space."""
    return _invalid("Comment must be non-empty.", "COMMENT_EMPTY")


def too_long(size: int) -> FormError:
    """More UTF-8 than the form takes."""
    return _invalid(f"Comment text was too many bytes. Value ({size}) exceeded limit ({MAX_TEXT_BYTES}).")


def not_plain() -> FormError:
    """Another type than plain text."""
    return _invalid("Currently, only 'PLAIN_TEXT' comments are supported", "INVALID_REQUEST")


def both_contexts() -> FormError:
    """Two kinds of context at once."""
    return _invalid(
        "Context can have either entries or article_and_parent_comment, but both fields were populated.",
        "INVALID_REQUEST",
    )


def no_attributes() -> FormError:
    """Nothing is asked for."""
    return _invalid("Missing requested_attributes", "NO_REQUESTED_ATTRIBUTES")


def unknown_attribute(name: str) -> FormError:
    """An attribute that is not scored here."""
    return _invalid(f"Unknown requested attribute: {name}", "INVALID_REQUEST")


def score_type(kind: str, attribute: str) -> FormError:
    """Another measure than probabilities."""
    return _invalid(f"Requested score type {kind} is not supported by attribute {attribute}", "INVALID_REQUEST")


def language(attribute: str, languages: Iterable[str], *, requested: bool) -> FormError:
    """A language in which an attribute is not scored."""
    given = list(languages)
    about = {"requestedLanguages" if requested else "detectedLanguages": given, "attribute": attribute}
    return _invalid(
        f"Attribute {attribute} does not support request languages: {', '.join(given)}",
        "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
        languageNotSupportedByAttributeError=about,
    )


def no_language() -> FormError:
    """A text without letters, of which no language is given."""
    return _invalid("Unable to detect language", "LANGUAGE_DETECTION_FAILED")


def suggestion(message: str) -> FormError:
    """A suggestion that is not whole."""
    return _invalid(message, "INVALID_REQUEST")


def not_found() -> FormError:
    """No such route."""
    return FormError(404, "NOT_FOUND", "Method not found.")


def wrong_method(allowed: str) -> FormError:
    """The route takes another method."""
    return FormError(405, "INVALID_ARGUMENT", f"Method not allowed; use {allowed}.")
