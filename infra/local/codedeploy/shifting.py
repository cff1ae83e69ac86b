"""How traffic goes over from one version to the other: CodeDeploy's own configurations for functions.

Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html (read 2026-11-30).
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

PREFIX: Final = "CodeDeployDefault.Lambda"


class Shift(Struct, frozen=True):
    """At first ``percent`` of the traffic, and as much again after each ``minutes``; a canary all that is left.

    Args:
        percent: of the first step.
        minutes: between two steps.
        linear: whether the steps go on by the same share.
    """

    percent: int = 100
    minutes: int = 0
    linear: bool = False

    def share(self, seconds: float) -> float:
        """The new version's share of the traffic so long after the beginning, from 0 to 1.

        >>> [Shift(10, 5).share(seconds) for seconds in (0, 299, 300)]
        [0.1, 0.1, 1.0]
        >>> Shift(10, 1, linear=True).share(120)
        0.3
        """
        if not self.minutes:
            return 1.0
        steps = int(seconds // (self.minutes * 60))
        if not self.linear:
            return 1.0 if steps else self.percent / 100
        return min(100, self.percent * (steps + 1)) / 100


SHIFTS: Final[Mapping[str, Shift]] = {
    f"{PREFIX}AllAtOnce": Shift(),
    **{f"{PREFIX}Canary10Percent{minutes}Minutes": Shift(10, minutes) for minutes in (5, 10, 15, 30)},
    f"{PREFIX}Linear10PercentEvery1Minute": Shift(10, 1, linear=True),
    **{f"{PREFIX}Linear10PercentEvery{minutes}Minutes": Shift(10, minutes, linear=True) for minutes in (2, 3, 10)},
}
"""By name."""
