"""Rules on delivery streams that call a function: nothing it is given may get lost, or go round in circles."""

from tests.house.template_rules import Stack, listed


def a_transform_ends_in_time_and_its_answer_fits(stack: Stack) -> list[str]:
    """Firehose waits five minutes for an answer of 6 MB at most; a row is up to eight times its event, encoded."""
    found = []
    for name, given, function in stack.transforms():
        timeout = stack.raw.get(function, {}).get("Properties", {}).get("Timeout", 3)
        if not 60 <= stack.least(timeout) <= stack.most(timeout) <= 300 or float(given["BufferSizeInMBs"]) > 0.6:
            found.append(name)
    return found


def a_transform_is_tried_again(stack: Stack) -> list[str]:
    return [name for name, given, _ in stack.transforms() if int(given.get("NumberOfRetries", 0)) < 3]


def a_transform_never_feeds_its_own_stream(stack: Stack) -> list[str]:
    found = []
    for name, _, function in stack.transforms():
        role = stack.resources[function]["Role"].removeprefix("<").removesuffix(".Arn>")
        for owner, statement in stack.statements():
            puts = any(action.startswith("firehose:Put") for action in listed(statement["Action"]))
            if owner == role and puts and {f"<{name}.Arn>", "*"} & set(listed(statement["Resource"])):
                found.append(f"{function} -> {name}")
    return found


def what_a_transform_sees_is_kept_as_it_came(stack: Stack) -> list[str]:
    deliveries = dict(stack.deliveries())
    return [
        name
        for name, _, _ in stack.transforms()
        if deliveries[name].get("S3BackupMode") != "Enabled"
        or not deliveries[name].get("S3BackupConfiguration", {}).get("Prefix", "").startswith("archive/")
    ]


def only_its_delivery_may_call_a_transform(stack: Stack) -> list[str]:
    found = []
    for name, _, function in stack.transforms():
        role = dict(stack.deliveries())[name]["RoleARN"].removeprefix("<").removesuffix(".Arn>")
        # A deployment's hook and its caller have rights of their own, on other functions.
        deploying = _roles_of_deployments(stack, "ModerateFunction")
        callers = {
            (owner, resource)
            for owner, statement in stack.statements()
            if "lambda:InvokeFunction" in listed(statement["Action"]) and owner not in deploying
            for resource in listed(statement["Resource"])
        }
        if callers != {(role, f"<{function}.Arn>"), (role, f"<{function}.Arn>:*")}:
            found.append(name)
    return found


def _roles_of_deployments(stack: Stack, function: str) -> set[str]:
    given = stack.resources.get(function, {})
    hook = str(given.get("DeploymentPreference", {}).get("Hooks", {}).get("PreTraffic", "")).strip("<>")
    roles = [given.get("DeploymentPreference", {}).get("Role"), stack.resources.get(hook, {}).get("Role")]
    return {str(one).strip("<>").removesuffix(".Arn") for one in roles if one}


def a_failing_transform_raises_an_alarm(stack: Stack) -> list[str]:
    watched = {
        (alarm["MetricName"], alarm["Dimensions"][0]["Value"])
        for _, alarm in stack.of("AWS::CloudWatch::Alarm")
        if "MetricName" in alarm
    }
    return [
        name
        for name, _, function in stack.transforms()
        if not {("ExecuteProcessing.Success", f"<{name}>"), ("ToRetry", f"<{function}>")} <= watched
    ]
