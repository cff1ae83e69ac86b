"""The settings of the template as it would be deployed."""

from collections.abc import Mapping, Sequence
from typing import Any

from consumers.aws.metrics import metric_names
from consumers.moderation.policy import Policy
from consumers.policies import read_policy
from infra.cost.units import Settings
from infra.local.cloudformation.intrinsics import Resolver, Template, TemplateError, parameter_values
from infra.local.cloudformation.provision import read_template


def deployed_settings(given: Sequence[str], *, on_demand: bool) -> Settings:
    """What the template comes to with these parameters.

    Args:
        given: NAME=VALUE each.
        on_demand: a stream that scales by itself.

    Raises:
        ValueError: there is no such parameter, or it may not have this value.

    >>> deployed_settings(["ShardCount=3"], on_demand=False).shards
    3
    """
    pairs = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals:
            raise ValueError(f"--parameter {one!r} is not NAME=VALUE")
        pairs[name] = value
    template = read_template()
    try:
        parameters = parameter_values(template, pairs)
    except TemplateError as error:
        raise ValueError(f"--parameter: {error}") from None
    resources = template["Resources"]
    # Those that make rows write metrics of their own.
    functions = sum("VERDICTS_DELIVERY_STREAM" in str(resource.get("Properties")) for resource in resources.values())
    return Settings.of(
        parameters,
        on_demand=on_demand,
        alarms=_metrics_of_alarms(template, parameters),
        # A label's metric is paid for where a verdict carries it; at worst each of the default policy's labels does.
        metrics=functions * (len(metric_names()) + len(Policy.load(read_policy("default")).labels)),
        archive_batch=int(resources["ArchiveMapping"]["Properties"]["BatchSize"]),
        archive_mb=int(resources["ArchiveFunction"]["Properties"]["MemorySize"]),
    )


def _metrics_of_alarms(template: Template, parameters: Mapping[str, Any]) -> int:
    """How many metrics the alarms look at that a stack with these parameters has; each is billed.

    Source: https://aws.amazon.com/cloudwatch/pricing/
    """
    conditions = Resolver(template, parameters=parameters, pseudo={}, attribute=lambda logical, name: logical)
    return sum(
        sum("MetricStat" in one for one in alarm["Properties"].get("Metrics", [])) or 1
        for alarm in template["Resources"].values()
        if alarm["Type"] == "AWS::CloudWatch::Alarm"
        and ("Condition" not in alarm or conditions.condition(alarm["Condition"]))
    )
