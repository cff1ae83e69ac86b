"""The API as OpenAPI: once with what API Gateway needs to serve it, and once as readers are shown it.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from collections.abc import Callable, Mapping
from typing import Any

from consumers.aws.wait_handler import MAX_SECONDS, USUAL_SECONDS
from glue.catalog.render.json_schema import event_schema
from infra.content_api import cors, reading, templates
from infra.content_api.problems import TYPE, gateway_responses
from infra.content_api.rules import MAX_EVENTS, NOT_TAKEN

Document = dict[str, Any]
TITLE = "Streamkeeper content"
VERSION = "1"
SECURITY = "caller"
"""The one name of how callers are known; what it stands for is the stack's parameter ContentApi."""

_JSON = "application/json"


def gateway_document() -> Document:
    """The document that the template gives to API Gateway; roles and addresses are CloudFormation's to fill in."""
    return {
        **_head(),
        "x-amazon-apigateway-gateway-responses": gateway_responses(),
        "x-amazon-apigateway-request-validators": {
            "parameters": {"validateRequestBody": False, "validateRequestParameters": True}
        },
        # The body is looked at by the mapping templates: the gateway's own words do not say which field is wrong.
        "x-amazon-apigateway-request-validator": "parameters",
        "paths": {
            path: {
                **{
                    method: _where(
                        _OPTIONAL.get(path),
                        {
                            **{key: value for key, value in operation.items() if key != "responses"},
                            "security": [{SECURITY: []}],
                            "responses": _method_responses(operation["responses"]),
                            "x-amazon-apigateway-integration": _INTEGRATIONS[operation["operationId"]](),
                        },
                    )
                    for method, operation in operations.items()
                },
                "options": _where("OpensContent", _preflight()),
            }
            for path, operations in _paths().items()
        },
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                SECURITY: {
                    "Fn::If": [
                        "ContentByKey",
                        {"type": "apiKey", "name": "x-api-key", "in": "header"},
                        {
                            "Fn::If": [
                                "ContentByCognito",
                                {
                                    "type": "apiKey",
                                    "name": "Authorization",
                                    "in": "header",
                                    "x-amazon-apigateway-authtype": "cognito_user_pools",
                                    "x-amazon-apigateway-authorizer": {
                                        "type": "cognito_user_pools",
                                        "providerARNs": [{"Ref": "ContentUserPoolArn"}],
                                    },
                                },
                                {
                                    "type": "apiKey",
                                    "name": "Authorization",
                                    "in": "header",
                                    "x-amazon-apigateway-authtype": "awsSigv4",
                                },
                            ]
                        },
                    ]
                }
            },
        },
    }


def public_document() -> Document:
    """The document for readers, and for tools that make clients or tests of it."""
    return {
        **_head(),
        "servers": [{"url": "https://{api}.execute-api.{region}.amazonaws.com/live", "variables": _SERVER}],
        "security": [{"key": []}, {"signature": []}, {"token": []}],
        "paths": _paths(),
        "components": {
            "schemas": _public_schemas(),
            "securitySchemes": {
                "key": {"type": "apiKey", "name": "x-api-key", "in": "header"},
                "signature": {"type": "apiKey", "name": "Authorization", "in": "header", "description": "SigV4"},
                "token": {"type": "apiKey", "name": "Authorization", "in": "header", "description": "Cognito"},
            },
        },
    }


_OPTIONAL = {"/v1/changes": "KeepsChanges", "/v1/content/{id}/decision": "HoldsRequests"}
"""Routes that a stack has where a condition of the template is true."""


def _where(condition: str | None, given: Document) -> Document:
    return {"Fn::If": [condition, given, {"Ref": "AWS::NoValue"}]} if condition else given


_SERVER = {"api": {"default": "api"}, "region": {"default": "us-east-1"}}


def _head() -> Document:
    return {
        "openapi": "3.0.1",
        "info": {
            "title": TITLE,
            "version": VERSION,
            "description": "Content in, and what became of it.",
            "license": {"name": "Apache-2.0"},
        },
    }


def _paths() -> Document:
    problem = {"description": "Refused; the problem names the field.", "content": _problem()}
    busy = {"description": "Too many requests; Retry-After says when to come again.", "content": _problem()}
    usual = {
        "400": problem,
        "401": problem,
        "403": problem,
        "429": busy,
        "502": busy,
        "503": busy,
        "504": busy,
    }
    body = {"413": problem, "415": problem}
    identifier = {"name": "id", "in": "path", "required": True, "description": "the content's id"}
    of_id = {**identifier, "schema": {"type": "string", "pattern": f"^{templates.ID}$"}}
    return {
        "/v1/content": {
            "post": {
                "operationId": "submit",
                "summary": "Takes one event. Sent twice under one event_id it counts once.",
                "requestBody": _body("ContentEvent"),
                "responses": {
                    "202": {"description": "The stream has it.", "content": _of("Accepted")},
                    **usual,
                    **body,
                },
            }
        },
        "/v1/content:batch": {
            "post": {
                "operationId": "submitMany",
                "summary": f"Takes up to {MAX_EVENTS} events, and answers for each.",
                "requestBody": _body("ContentEvents"),
                "responses": {
                    "202": {"description": "The stream has all of them.", "content": _of("Results")},
                    "207": {"description": "The stream has some of them.", "content": _of("Results")},
                    **usual,
                    **body,
                },
            }
        },
        "/v1/content/{id}": {
            "get": {
                "operationId": "status",
                "summary": "Says what became of a piece of content.",
                "parameters": [of_id],
                "responses": {
                    "200": {"description": "It is decided.", "content": _of("Decided")},
                    "202": {"description": "No decision is kept.", "content": _of("Pending")},
                    **usual,
                },
            }
        },
        "/v1/content/{id}/decision": {
            "get": {
                "operationId": "decision",
                "summary": "Waits until a piece of content is decided. Only with ContentWaiters.",
                "parameters": [
                    of_id,
                    {
                        "name": "wait",
                        "in": "query",
                        "description": "seconds to wait at most",
                        "schema": {
                            "type": "integer",
                            "minimum": 0,
                            "maximum": MAX_SECONDS,
                            "default": USUAL_SECONDS,
                        },
                    },
                ],
                "responses": {
                    "200": {"description": "It is decided.", "content": _of("Decided")},
                    "202": {"description": "No decision is kept after this time.", "content": _of("Pending")},
                    **usual,
                    "500": busy,
                },
            }
        },
        "/v1/changes": {
            "get": {
                "operationId": "changes",
                "summary": "Tells what was decided, in its order, page by page. Only with ContentChanges.",
                "parameters": [
                    {
                        "name": "after",
                        "in": "query",
                        "description": "what the last answer called next, or milliseconds since 1970; all without it",
                        "schema": {"type": "string", "pattern": f"^{reading.CURSOR}$"},
                    },
                    {
                        "name": "limit",
                        "in": "query",
                        "description": "decisions in an answer at most",
                        "schema": {"type": "integer", "minimum": 1, "maximum": reading.MAX_CHANGES},
                    },
                ],
                "responses": {
                    "200": {"description": "What changed, oldest first.", "content": _of("Changes")},
                    **usual,
                },
            }
        },
    }


def _body(name: str) -> Document:
    return {"required": True, "content": _of(name)}


def _of(name: str) -> Document:
    return {_JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _problem() -> Document:
    return {TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _schemas() -> Document:
    schema = event_schema()
    text = {"type": "string"}
    event = _plain(
        {
            "type": "object",
            "description": "One event.",
            "required": list(schema["required"]),
            "properties": {name: given for name, given in schema["properties"].items() if name not in NOT_TAKEN},
            "additionalProperties": False,
        }
    )
    event["properties"]["surface"]["type"] = "string"
    media = _plain({key: value for key, value in schema["$defs"]["Media"].items() if key != "title"})
    error = {"type": "object", "required": ["detail", "pointer"], "properties": {"detail": text, "pointer": text}}
    result = {
        "type": "object",
        "required": ["status"],
        "properties": {
            "status": {"type": "integer", "enum": [202, 400, 503]},
            "problem": {"$ref": "#/components/schemas/Problem"},
        },
    }
    status = {"type": "string"}
    return {
        "ContentEvent": event,
        "ContentEvents": {
            "type": "object",
            "required": ["events"],
            "properties": {
                "events": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": MAX_EVENTS,
                    "items": {"$ref": "#/components/schemas/ContentEvent"},
                }
            },
        },
        "Media": {**media, "additionalProperties": False},
        "Accepted": _record("status", "event_id", "content_id", "status_url", status={**status, "enum": ["accepted"]}),
        "Results": {
            "type": "object",
            "required": ["results"],
            "description": "An answer for each event, in their order.",
            "properties": {"results": {"type": "array", "items": result}},
        },
        "Pending": _record(
            "content_id",
            "status",
            "kept_for",
            "detail",
            status={**status, "enum": ["pending"]},
            kept_for={**status, "enum": ["acted", "all"], "description": "of which content decisions are kept"},
        ),
        "Decided": _record(
            *("content_id", "status", "action", "labels", "event_id", "verdict_id", "policy", "decided_at"),
            status={**status, "enum": ["decided"]},
            action={**status, "enum": ["allow", "flag", "review", "block"]},
            labels={"type": "array", "items": text, "description": "strongest first"},
            policy=_record("id", "version"),
            decided_at={**status, "format": "date-time"},
        ),
        "Changes": {
            "type": "object",
            "required": ["changes", "next", "more"],
            "properties": {
                "changes": {"type": "array", "items": {"$ref": "#/components/schemas/Decided"}},
                "next": {"type": "string", "description": "asks for what comes after these"},
                "more": {"type": "boolean", "description": "whether more is there already"},
            },
        },
        "Problem": {
            "type": "object",
            "description": "RFC 9457. A pointer is a JSON Pointer into the body, or names a header or a parameter.",
            "required": ["type", "title", "status", "detail"],
            "properties": {
                **dict.fromkeys(("type", "title", "detail"), text),
                "status": {"type": "integer"},
                "errors": {"type": "array", "items": error},
            },
        },
    }


def _public_schemas() -> Document:
    """The schemas with what API Gateway's models need not know: a text may be empty only where there is media."""
    schemas = _schemas()
    some_text = {"properties": {"text": {"minLength": 1}}}
    some_media = {"required": ["media"], "properties": {"media": {"minItems": 1}}}
    schemas["ContentEvent"]["anyOf"] = [some_text, some_media]
    return schemas


def _record(*names: str, **given: Document) -> Document:
    return {
        "type": "object",
        "required": list(names),
        "properties": {name: given.get(name, {"type": "string"}) for name in names},
    }


def _plain(node: Any) -> Any:
    """A schema in what OpenAPI 3.0 and API Gateway's models know: no null, no names of members, no defaults."""
    if isinstance(node, list):
        return [_plain(one) for one in node]
    if not isinstance(node, dict):
        return node
    if "anyOf" in node:
        kept = next(one for one in node["anyOf"] if one.get("type") != "null")
        return _plain({**kept, **{key: value for key, value in node.items() if key not in ("anyOf", "default")}})
    if node.get("$ref") == "#/$defs/Media":
        return {"$ref": "#/components/schemas/Media"}
    return {key: _plain(value) for key, value in node.items() if key not in ("propertyNames", "default")}


# ------------------------------------------------------------------------------------------------ what serves it


def _method_responses(responses: Document) -> Document:
    """The answers that a method may give. Their bodies are documented, and not checked by the gateway."""
    headers = {name: {"schema": {"type": "string"}} for name in _HEADERS}
    return {
        code: {
            "description": answer["description"],
            "headers": headers,
            "content": {_JSON: answer["content"].get(_JSON, {"schema": {"$ref": "#/components/schemas/Problem"}})},
        }
        for code, answer in responses.items()
    }


def _integration(action: str, request: str, success: int, answer: str, problem: str) -> Document:
    service, _, name = action.partition(":")
    place = "arn:${AWS::Partition}:apigateway:${AWS::Region}"
    answer, problem = cors.OPEN + answer, cors.OPEN + problem
    return {
        "type": "aws",
        "httpMethod": "POST",
        "uri": {"Fn::Sub": f"{place}:{service}:action/{name}"},
        "credentials": {"Fn::GetAtt": ["ContentApiRole", "Arn"]},
        # Another type of content would go to the service as it is.
        "passthroughBehavior": "never",
        "timeoutInMillis": 10_000,
        "requestParameters": {
            "integration.request.header.Content-Type": f"'application/x-amz-json-{_JSON_OF[service]}'"
        },
        "requestTemplates": {_JSON: request},
        "responses": {
            "200": {"statusCode": str(success), "responseTemplates": {_JSON: answer}},
            "default": {
                "statusCode": "400",
                "responseParameters": {"method.response.header.Content-Type": f"'{TYPE}'"},
                "responseTemplates": {_JSON: problem},
            },
        },
    }


def _waiting() -> Document:
    place = "arn:${AWS::Partition}:apigateway:${AWS::Region}"
    return {
        "type": "aws_proxy",
        "httpMethod": "POST",
        "uri": {"Fn::Sub": f"{place}:lambda:path/2015-03-31/functions/${{WaitFunction.Arn}}/invocations"},
        "passthroughBehavior": "never",
        "timeoutInMillis": 29_000,
    }


def _preflight() -> Document:
    """Answers a page that asks whether it may ask; nobody's key or token comes with that question."""
    headers = {name: {"schema": {"type": "string"}} for name in ("Vary", *_OF_PREFLIGHT)}
    return {
        "security": [],
        "responses": {"204": {"description": "It may.", "headers": headers}},
        "x-amazon-apigateway-integration": {
            "type": "mock",
            "passthroughBehavior": "never",
            "requestTemplates": {_JSON: '{"statusCode": 204}'},
            "responses": {"default": {"statusCode": "204", "responseTemplates": {_JSON: cors.PREFLIGHT}}},
        },
    }


_HEADERS = (
    *("Content-Type", "Location", "Retry-After", "Vary"),
    *("Access-Control-Allow-Origin", "Access-Control-Expose-Headers"),
)
_OF_PREFLIGHT = (
    *("Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"),
    "Access-Control-Max-Age",
)

_JSON_OF = {"kinesis": "1.1", "dynamodb": "1.0"}
_INTEGRATIONS: Mapping[str, Callable[[], Document]] = {
    "submit": lambda: _integration(
        "kinesis:PutRecord", templates.put_one(), 202, templates.TAKEN_ONE, templates.PROBLEM
    ),
    "submitMany": lambda: _integration(
        "kinesis:PutRecords", templates.put_many(), 202, templates.TAKEN_MANY, templates.PROBLEM_OF_MANY
    ),
    "status": lambda: _integration("dynamodb:Query", reading.ask_status(), 200, reading.STATUS, templates.PROBLEM),
    "decision": _waiting,
    "changes": lambda: _integration("dynamodb:Query", reading.ask_changes(), 200, reading.CHANGES, templates.PROBLEM),
}
