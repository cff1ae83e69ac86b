"""Rules on deployments: a new version gets batches by its alias only, after a hook, watched by alarms."""

from tests.house.template_rules import Stack, listed


def batches_go_to_what_a_deployment_takes_back(stack: Stack) -> list[str]:
    """A function with a deployment preference gets its batches by its alias, and nobody by another name."""
    found = []
    for name, function in stack.of("AWS::Serverless::Function"):
        if "DeploymentPreference" not in function:
            continue
        wanted = f"<{name}.Alias>"
        mapped = [str(one["FunctionName"]) for _, one in stack.of("AWS::Lambda::EventSourceMapping")]
        found += [f"{name}: FunctionName {one}" for one in mapped if one != wanted and one.startswith(f"<{name}")]
        preference = function["DeploymentPreference"]
        wrong = [
            not preference.get("Hooks", {}).get("PreTraffic") and "PreTraffic",
            not preference.get("Alarms") and "Alarms",
            function.get("AutoPublishAliasAllProperties") is not True and "AutoPublishAliasAllProperties",
            "AutoPublishCodeSha256" not in function and "AutoPublishCodeSha256",
            preference.get("Enabled", True) is not True and "Enabled",
        ]
        found += [f"{name}: {one}" for one in wrong if one]
    return found


def code_waits_for_the_gate(stack: Stack) -> list[str]:
    """What runs the same core, or carries the same records, is changed when the alias has gone over to the new code."""
    [(gated, _)] = [one for one in stack.of("AWS::Serverless::Function") if "DeploymentPreference" in one[1]]
    alias = f"{gated}Alias{stack.resources[gated]['AutoPublishAlias']}"
    others = ("transform_handler", "score_handler", "archive_handler")
    return [
        name
        for name, function in stack.of("AWS::Serverless::Function")
        if str(function["Handler"]).split(".")[-2] in others
        and alias not in listed(stack.raw[name].get("DependsOn", []))
    ]
