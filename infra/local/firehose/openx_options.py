"""The settings of the OpenX JSON SerDe, apart from what reads by them: that needs Arrow."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class OpenXOptions:
    """The SerDe's settings; the defaults are AWS's.

    Args:
        case_insensitive: keys are lower-cased before they are looked up.
        dots_to_underscores: ``a.b`` is looked up as ``a_b``.
        mappings: column name to JSON key.
    """

    case_insensitive: bool = True
    dots_to_underscores: bool = False
    mappings: Mapping[str, str] = field(default_factory=dict)

    @property
    def plain(self) -> bool:
        """True when a lower-case key is its column's name and nothing else is."""
        return not self.dots_to_underscores and not self.mappings
