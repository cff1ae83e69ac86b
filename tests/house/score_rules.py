"""Rules on the API of scores: off unless asked for, few rights, and no key or address in its logs."""

from tests.house.template_rules import READ_ONLY, Stack, listed

SERVED = "ServesScores"


def _of_scores(stack: Stack) -> list[str]:
    return [name for name in stack.raw if name.startswith("Score")]


def scores_are_served_only_where_keys_are_given(stack: Stack) -> list[str]:
    found = [name for name in _of_scores(stack) if stack.raw[name].get("Condition") != SERVED]
    return found + (["ScoreKeys"] if stack.parameters["ScoreKeys"] != "" else [])


def who_scores_reads_the_policy_and_logs_and_no_more(stack: Stack) -> list[str]:
    found = []
    for role, statement in stack.statements():
        if role == "ScoreRole":
            places = listed(statement["Resource"])
            for action in listed(statement["Action"]):
                logs = action in ("logs:CreateLogStream", "logs:PutLogEvents")
                reads = READ_ONLY.fullmatch(action) and all("LakeBucket" in place for place in places)
                if not logs and not reads:
                    found.append(action)
    return found


def scores_are_throttled_and_logged_without_keys_and_addresses(stack: Stack) -> list[str]:
    [(name, stage)] = stack.of("AWS::ApiGatewayV2::Stage")
    given = stage.get("AccessLogSettings", {}).get("Format", "")
    told = ("path", "sourceIp", "userAgent", "header", "query", "authorizer")
    is_limited = "ThrottlingRateLimit" in stage.get("DefaultRouteSettings", {})
    return [] if given and is_limited and not any(word in given for word in told) else [name]


CALLERS = {"ScorePermission": ":<ScoreApi>/*", "WaitPermission": ":<ContentApi>/live/GET/v1/content/*/decision"}
"""The end of the ARN that may call, by permission."""


def only_its_api_may_call_a_function(stack: Stack) -> list[str]:
    return [
        name
        for name, permission in stack.of("AWS::Lambda::Permission")
        if permission["Principal"] != "apigateway.amazonaws.com"
        or not permission.get("SourceArn", "").endswith(CALLERS.get(name, "?"))
    ]
