"""Rules on the API that takes content: off unless asked for, closed, bounded, and nothing of content in its logs."""

import re

from tests.house.template_rules import Stack

SERVED = ("ServesContent", "ContentByKey")
LOGGED = {
    *("requestId", "requestTimeEpoch", "httpMethod", "resourcePath", "status", "responseLength", "responseLatency"),
    *("identity.apiKeyId", "error.responseType"),
}


def content_is_taken_only_where_callers_are_named(stack: Stack) -> list[str]:
    found = [
        name
        for name in stack.raw
        if name.startswith(("ContentApi", "Access")) and stack.raw[name].get("Condition") not in SERVED
    ]
    return found + (["ContentApiCallers"] if stack.parameters["ContentApiCallers"] != "nobody" else [])


def every_route_knows_its_caller(stack: Stack) -> list[str]:
    return [
        f"{method} {path}"
        for _, api in stack.of("AWS::Serverless::Api")
        for path, operations in api["DefinitionBody"]["paths"].items()
        for method, operation in operations.items()
        if (operation.get("security") != [{"caller": []}]) != (method == "options")
    ]


def pages_may_ask_only_where_origins_are_named(stack: Stack) -> list[str]:
    """A preflight is the gateway's alone, and is not there without an origin."""
    found = [
        path
        for name, api in stack.of("AWS::Serverless::Api")
        for path, operations in stack.raw[name]["Properties"]["DefinitionBody"]["paths"].items()
        if "Fn::If" not in operations.get("options", {}) or operations["options"]["Fn::If"][0] != "OpensContent"
    ]
    found += [
        f"{path} asks a service"
        for _, api in stack.of("AWS::Serverless::Api")
        for path, operations in api["DefinitionBody"]["paths"].items()
        if operations.get("options", {}).get("x-amazon-apigateway-integration", {"type": "mock"})["type"] != "mock"
    ]
    return found + (["ContentCorsOrigins"] if stack.parameters["ContentCorsOrigins"] else [])


def other_types_of_content_never_reach_a_service(stack: Stack) -> list[str]:
    return [
        path
        for _, api in stack.of("AWS::Serverless::Api")
        for path, operations in api["DefinitionBody"]["paths"].items()
        for operation in operations.values()
        if operation["x-amazon-apigateway-integration"]["passthroughBehavior"] != "never"
    ]


def no_content_path_or_caller_is_logged(stack: Stack) -> list[str]:
    found = []
    for name, api in stack.of("AWS::Serverless::Api"):
        told = set(re.findall(r"\$context\.([A-Za-z.]+)", api.get("AccessLogSetting", {}).get("Format", "")))
        found += [f"{name}: {one}" for one in sorted(told - LOGGED)] + ([] if told else [name])
        found += [name for setting in api["MethodSettings"] if setting.get("DataTraceEnabled", True) is not False]
    return found


def requests_are_bounded_by_second_by_key_and_by_address(stack: Stack) -> list[str]:
    found = [
        name
        for name, api in stack.of("AWS::Serverless::Api")
        if not any("ThrottlingRateLimit" in setting for setting in api["MethodSettings"])
    ]
    found += [name for name, plan in stack.of("AWS::ApiGateway::UsagePlan") if not {"Throttle", "Quota"} <= set(plan)]
    rules = [rule["Statement"] for _, wall in stack.of("AWS::WAFv2::WebACL") for rule in wall["Rules"]]
    return found + ([] if any("RateBasedStatement" in one for one in rules) else ["WebACL"])


def the_firewall_looks_into_no_body(stack: Stack) -> list[str]:
    """What is to be moderated may look like an attack; a rule that reads bodies would keep it away unseen."""
    looks = (
        "AWSManagedRulesCommonRuleSet",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesSQLiRuleSet",
        "Body",
    )
    return [name for name, wall in stack.of("AWS::WAFv2::WebACL") if any(one in str(wall["Rules"]) for one in looks)]
