"""How batches go over to a new version, and what to do when they come back, in words for whoever deploys."""

from collections.abc import Mapping, Sequence
from typing import Final

from infra.deploying.stacks import Change
from infra.local.codedeploy.shifting import PREFIX, SHIFTS

ALIAS: Final = "ModerateFunctionAliaslive"
"""The alias that batches go to, by the logical name that SAM gives it."""
TYPE: Final = "DeploymentType"


def of_the_alias(changes: Sequence[Change], deployment_type: str) -> str:
    """What happens to the batches, and how long it takes; empty when they stay with the version that they have.

    Args:
        deployment_type: the parameter's value.

    >>> moved = Change("Modify", ALIAS, "AWS::Lambda::Alias")
    >>> print(of_the_alias([moved], "Canary10Percent5Minutes"))
    The gate compares the new version with the old one on a golden batch, some minutes at most; then 10 % of the \
batches go to it for 5 minutes, and all after that. An alarm meanwhile takes it back.
    >>> print(of_the_alias([moved], "Linear10PercentEvery1Minute"))
    The gate compares the new version with the old one on a golden batch, some minutes at most; then 10 % more of the \
batches go to it every minute, and all after 9 minutes. An alarm meanwhile takes it back.
    >>> of_the_alias([], "AllAtOnce")
    ''
    """
    shift = SHIFTS.get(PREFIX + deployment_type)
    if shift is None or not any(one.action == "Modify" and one.logical_id == ALIAS for one in changes):
        return ""
    if not shift.minutes:
        how = "all batches go to it at once, and nothing takes it back"
        return f"{_GATE} {how}."
    if shift.linear:
        every = "every minute" if shift.minutes == 1 else f"every {shift.minutes} minutes"
        whole = shift.minutes * (100 // shift.percent - 1)
        how = f"{shift.percent} % more of the batches go to it {every}, and all after {whole} minutes"
    else:
        how = f"{shift.percent} % of the batches go to it for {shift.minutes} minutes, and all after that"
    return f"{_GATE} {how}. An alarm meanwhile takes it back."


_GATE: Final = "The gate compares the new version with the old one on a golden batch, some minutes at most; then"


def after_it_came_back(stack: str, failures: Mapping[str, str]) -> str:
    """What to do when a new version was taken back; empty when something else failed.

    Args:
        failures: why, by logical name.
    """
    if ALIAS not in failures:
        return ""
    return (
        f"the old version has all batches again, and goes on at its checkpoint. Why: the log of {stack}-gate when the "
        "new one never had a batch, else CanaryErrorAlarm and CanarySlowAlarm (docs/runbook.md) and the log of "
        f"{stack}-moderate. Mend the build, make bundle, deploy again; a build that is meant to decide otherwise "
        "comes with another policy"
    )
