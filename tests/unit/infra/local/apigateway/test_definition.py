"""REST APIs as their documents say them; what is not modelled is refused by name."""

from copy import deepcopy
from typing import Any

import pytest

from infra.local.apigateway.definition import read_definition
from infra.local.errors import ApiError

KINESIS = "arn:aws:apigateway:us-east-1:kinesis:action/PutRecord"
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "things", "version": "1"},
    "components": {"securitySchemes": {"key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}},
    "paths": {
        "/things/{id}": {
            "get": {
                "security": [{"key": []}],
                "x-amazon-apigateway-integration": {
                    "type": "aws",
                    "httpMethod": "POST",
                    "uri": KINESIS,
                    "requestTemplates": {"application/json": "{}"},
                    "responses": {"default": {"statusCode": "200"}},
                },
            }
        },
        "/things/new": {"get": {"x-amazon-apigateway-integration": {"type": "mock", "responses": {}}}},
    },
}


def test_a_fixed_path_goes_before_one_with_a_parameter() -> None:
    definition = read_definition(DOCUMENT)
    found = definition.route("GET", "/things/new"), definition.route("GET", "/things/5")
    assert found[0] is not None
    assert found[1] is not None
    assert (found[0][0].path, found[1][1]) == ("/things/new", {"id": "5"})
    assert definition.route("GET", "/things/") is None
    assert definition.route("POST", "/things/5") is None


@pytest.mark.parametrize(
    ("place", "value", "named"),
    [
        (("type",), "http_proxy", "http_proxy"),
        (("uri",), "arn:aws:apigateway:us-east-1:sqs:action/SendMessage", "sqs"),
        (("connectionType",), "VPC_LINK", "connectionType"),
        (("requestTemplates", "application/json"), "$x.getClass()", "getClass"),
        (
            ("responses", "default", "responseParameters"),
            {"method.response.header.A": "integration.response.header.B"},
            "A",
        ),
        (("responses", "default", "contentHandling"), "CONVERT_TO_BINARY", "contentHandling"),
        (("cacheNamespace",), "x", "cacheNamespace"),
    ],
)
def test_an_integration_that_is_not_modelled_is_refused_by_name(
    place: tuple[str, ...], value: object, named: str
) -> None:
    document = deepcopy(DOCUMENT)
    at = document["paths"]["/things/{id}"]["get"]["x-amazon-apigateway-integration"]
    for step in place[:-1]:
        at = at[step]
    at[place[-1]] = value
    with pytest.raises(ApiError, match=named):
        read_definition(document)


def test_other_documents_and_callers_are_refused_by_name() -> None:
    with pytest.raises(ApiError, match=r"3\.0"):
        read_definition({"swagger": "2.0"})
    document = deepcopy(DOCUMENT)
    document["components"]["securitySchemes"]["key"] = {"type": "oauth2", "x-amazon-apigateway-authtype": "custom"}
    with pytest.raises(ApiError, match="custom"):
        read_definition(document)
    document = {**DOCUMENT, "x-amazon-apigateway-cors": {}}
    with pytest.raises(ApiError, match="cors"):
        read_definition(document)
