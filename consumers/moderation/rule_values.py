"""What single keys of a policy may hold, each with words for the message that refuses anything else."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

Score = Annotated[float, Meta(ge=0.0, le=1.0, description="a number from 0 to 1")]
Name = Annotated[
    str, Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z", description="a to z first, then a to z, 0 to 9 and _, at most 64")
]
Language = Annotated[
    str, Meta(pattern=r"^[a-z]{2,3}\Z", description="a primary language subtag in lower case, such as en or de")
]
SurfaceName = Annotated[str, Meta(pattern=r"^[a-z0-9_]{1,32}\Z", description="a to z, 0 to 9 and _, at most 32")]
Domain = Annotated[
    str,
    Meta(
        pattern=r"^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}\Z",
        max_length=253,
        description="a domain in lower case such as example.org, without scheme, path or *; names beyond ASCII as xn--",
    ),
]
AuthorId = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._:@-]{1,128}\Z", description="1 to 128 of A-Z, a-z, 0-9 and . _ : @ -")
]
Term = Annotated[str, Meta(min_length=1, max_length=200)]
Expression = Annotated[str, Meta(min_length=1, max_length=2000)]
LinkKind = Literal["any", "shortener", "punycode", "ip_address", "redirect", "mixed_script"]
Many = Annotated[int, Meta(ge=2, le=10_000, description="a whole number from 2 to 10000")]
Seconds = Annotated[
    float, Meta(gt=0.0, le=86_400.0, description="a number of seconds above 0, up to 86400, which is a day")
]
Severity = Literal["low", "medium", "high", "critical"]
ManagedService = Literal["comprehend", "bedrock", "rekognition"]
ManagedLabel = Annotated[str, Meta(min_length=1, max_length=128)]


class Record(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of a policy.

    What is not given is not encoded, so that a policy keeps its version when later code knows more keys.
    """


class RuleRecord(Record, frozen=True, kw_only=True):
    """What every rule may say about itself, behind what it looks for.

    Args:
        expires: from this day on, at 00:00 UTC, the rule no longer counts.
        owner: who answers for the rule; left out: the policy's owner.
        reason: why it is there, for the person who wonders later.
    """

    expires: date | None = None
    owner: str = ""
    reason: str = ""
