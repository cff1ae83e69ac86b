"""The discovery document: what generic clients of Google's APIs read before they ask anything.

Source: https://developers.google.com/discovery/v1/reference/apis
"""

from collections.abc import Iterable
from typing import Any

VERSION = "v1alpha1"
NAME = "commentanalyzer"


def _of(kind: str, description: str) -> dict[str, Any]:
    return {"type": kind, "description": description}


def _ref(name: str, description: str = "") -> dict[str, Any]:
    return {"$ref": name} | ({"description": description} if description else {})


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"type": "array", "items": items, "description": description}


def _map(name: str, description: str) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": {"$ref": name}, "description": description}


_TEXT = {"type": "string", "enum": ["TEXT_TYPE_UNSPECIFIED", "PLAIN_TEXT", "HTML"], "description": "Plain text only."}
_SCORE_TYPE = {
    "type": "string",
    "enum": ["SCORE_TYPE_UNSPECIFIED", "PROBABILITY", "STD_DEV_SCORE", "PERCENTILE", "RAW"],
    "description": "Probabilities only.",
}
_COMMON = {
    "comment": _ref("TextEntry", "The text, up to 20,480 bytes of UTF-8."),
    "context": _ref("Context", "What stands around it; not used for scores."),
    "languages": _list({"type": "string"}, "BCP 47 tags; left out, the language is guessed."),
    "clientToken": _of("string", "Comes back in the answer."),
    "sessionId": _of("string", "Taken, and not used for scores."),
    "communityId": _of("string", "Taken, and not used for scores."),
}
_ANSWERED = {
    "clientToken": _of("string", "That of the request."),
    "detectedLanguages": _list({"type": "string"}, "The likeliest first."),
}

_SCHEMAS: dict[str, dict[str, Any]] = {
    "TextEntry": {"text": _of("string", "The text."), "type": _TEXT},
    "ArticleAndParentComment": {
        "article": _ref("TextEntry", "What is commented on."),
        "parentComment": _ref("TextEntry", "What is answered."),
    },
    "Context": {
        "entries": _list(_ref("TextEntry"), "Texts."),
        "articleAndParentComment": _ref("ArticleAndParentComment", "Not together with entries."),
    },
    "AttributeParameters": {
        "scoreType": _SCORE_TYPE,
        "scoreThreshold": {"type": "number", "format": "float", "description": "Lower scores are left out."},
    },
    "Score": {
        "value": {"type": "number", "format": "float", "description": "From 0 to 1."},
        "type": _SCORE_TYPE,
    },
    "SpanScore": {
        "begin": {"type": "integer", "format": "int32", "description": "In UTF-16 code units."},
        "end": {"type": "integer", "format": "int32", "description": "In UTF-16 code units, exclusive."},
        "score": _ref("Score", "Of this part."),
    },
    "AttributeScores": {
        "summaryScore": _ref("Score", "Of the whole text."),
        "spanScores": _list(_ref("SpanScore"), "Of its parts."),
    },
    "AnalyzeCommentRequest": {
        **_COMMON,
        "requestedAttributes": _map("AttributeParameters", "By name, at least one."),
        "spanAnnotations": _of("boolean", "A score for each sentence."),
        "doNotStore": _of("boolean", "The text is kept nowhere."),
        "dropUnsupportedAttributes": _of("boolean", "Leave out attributes that do not know the language."),
    },
    "AnalyzeCommentResponse": {
        **_ANSWERED,
        "attributeScores": _map("AttributeScores", "By name."),
        "languages": _list({"type": "string"}, "Those that scores are for."),
    },
    "SuggestCommentScoreRequest": {**_COMMON, "attributeScores": _map("AttributeScores", "By name, at least one.")},
    "SuggestCommentScoreResponse": {
        **_ANSWERED,
        "requestedLanguages": _list({"type": "string"}, "Those of the request."),
    },
}


def _method(name: str, takes: str, gives: str, description: str) -> dict[str, Any]:
    path = f"{VERSION}/comments:{name}"
    return {
        "id": f"{NAME}.comments.{name}",
        "path": path,
        "flatPath": path,
        "httpMethod": "POST",
        "description": description,
        "parameters": {},
        "parameterOrder": [],
        "request": {"$ref": takes},
        "response": {"$ref": gives},
    }


def document(origin: str, attributes: Iterable[str]) -> dict[str, Any]:
    """The discovery document.

    Args:
        origin: where the caller's next requests go, as ``Request.origin``.
        attributes: the names that are scored, for people.
    """
    text = {"type": "string", "location": "query"}
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": f"{NAME}:{VERSION}",
        "name": NAME,
        "version": VERSION,
        "revision": "20261130",
        "title": "Comment scores",
        "description": f"Scores texts by attribute: {', '.join(attributes)}.",
        "protocol": "rest",
        "rootUrl": f"{origin}/",
        "baseUrl": f"{origin}/",
        "basePath": "",
        "servicePath": "",
        "batchPath": "batch",
        "parameters": {
            "key": {**text, "description": "Whose request it is."},
            "alt": {**text, "description": "Taken, and not used.", "default": "json"},
            "fields": {**text, "description": "Taken, and not used."},
            "prettyPrint": {**text, "type": "boolean", "description": "Taken, and not used.", "default": "true"},
            "quotaUser": {**text, "description": "Taken, and not used."},
        },
        "schemas": {
            name: {"id": name, "type": "object", "properties": properties} for name, properties in _SCHEMAS.items()
        },
        "resources": {
            "comments": {
                "methods": {
                    "analyze": _method(
                        "analyze", "AnalyzeCommentRequest", "AnalyzeCommentResponse", "Scores a text by attribute."
                    ),
                    "suggestscore": _method(
                        "suggestscore",
                        "SuggestCommentScoreRequest",
                        "SuggestCommentScoreResponse",
                        "Takes a score that somebody suggests.",
                    ),
                }
            }
        },
    }
