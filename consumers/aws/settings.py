"""The function's settings, read once from its environment variables."""

from collections.abc import Mapping
from datetime import timedelta

from msgspec import Struct


class SettingsError(ValueError):
    """The function's environment is not as it must be; the message names the variable and what is allowed."""


class Settings(Struct, frozen=True, kw_only=True):
    """Everything the function can be told.

    Args:
        verdicts_delivery_stream, quarantine_delivery_stream: where rows go.
        event_bus_name: where verdicts other than allow are told.
        status_table: where the status of content is kept.
        policy: name of a policy in the bundle, or s3://BUCKET/KEY.
        policy_refresh_seconds: between two looks at a policy in S3, 0 (before every batch) to 3600.
        status_ttl_days: days until a status is forgotten, 1 to 3650.
        status_of: of which content statuses are kept: acted (on, or held) or all.
        max_late_days: days an event may have been created before its arrival, 1 to 400.
        max_ahead_hours: hours a producer's clock may be ahead, 0 to 24.
        flag_notices: whether verdicts of flag make notices and statuses, on or off.
    """

    verdicts_delivery_stream: str
    quarantine_delivery_stream: str
    event_bus_name: str
    status_table: str
    policy: str = "default"
    policy_refresh_seconds: int = 60
    status_ttl_days: int = 30
    status_of: str = "acted"
    status_changes: str = "off"
    max_late_days: int = 30
    max_ahead_hours: int = 24
    late_after_minutes: int = 60
    flag_notices: str = "on"

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings in these environment variables.

        Raises:
            SettingsError: a variable is missing or not allowed, or begins like one of ours but is unknown.

        >>> Settings.read({"EVENT_BUS_NAME": "bus"})
        Traceback (most recent call last):
        consumers.aws.settings.SettingsError: VERDICTS_DELIVERY_STREAM: not set; allowed: a name
        """
        # Lambda, the platform and people set variables of their own: only what begins with two words of ours is judged.
        known = {name.upper() for name in cls.__struct_fields__}
        prefixes = tuple(sorted({"_".join(name.split("_")[:2]) for name in known if "_" in name}))
        for name in sorted(environment):
            if name.startswith(prefixes) and name not in known:
                raise SettingsError(f"{name}: unknown; allowed: {', '.join(sorted(known))}")
        return cls(
            verdicts_delivery_stream=_name(environment, "VERDICTS_DELIVERY_STREAM"),
            quarantine_delivery_stream=_name(environment, "QUARANTINE_DELIVERY_STREAM"),
            event_bus_name=_name(environment, "EVENT_BUS_NAME"),
            status_table=_name(environment, "STATUS_TABLE"),
            policy=_name(environment, "POLICY", "default"),
            policy_refresh_seconds=_whole(environment, "POLICY_REFRESH_SECONDS", 60, 0, 3600),
            status_ttl_days=_whole(environment, "STATUS_TTL_DAYS", 30, 1, 3650),
            status_of=_one_of(environment, "STATUS_OF", ("acted", "all")),
            status_changes=_one_of(environment, "STATUS_CHANGES", ("off", "one", "tenants")),
            max_late_days=_whole(environment, "MAX_LATE_DAYS", 30, 1, 400),
            max_ahead_hours=_whole(environment, "MAX_AHEAD_HOURS", 24, 0, 24),
            late_after_minutes=_whole(environment, "LATE_AFTER_MINUTES", 60, 1, 43_200),
            flag_notices=_switch(environment, "FLAG_NOTICES"),
        )

    @property
    def status_seconds(self) -> int:
        """How long a status is kept, in seconds."""
        return int(timedelta(days=self.status_ttl_days).total_seconds())


def _switch(environment: Mapping[str, str], key: str) -> str:
    if (value := environment.get(key, "on")) not in ("on", "off"):
        raise SettingsError(f"{key}: received {value!r}; allowed: on, off")
    return value


def _name(environment: Mapping[str, str], key: str, default: str | None = None) -> str:
    value = environment.get(key, default)
    if value is None:
        raise SettingsError(f"{key}: not set; allowed: a name")
    if not value or value.strip() != value:
        raise SettingsError(f"{key}: received {value!r}; allowed: a name, not empty, without spaces around it")
    return value


def _one_of(environment: Mapping[str, str], key: str, allowed: tuple[str, ...]) -> str:
    """One of the words allowed; the first unless set."""
    value = environment.get(key, allowed[0])
    if value not in allowed:
        raise SettingsError(f"{key}: received {value!r}; allowed: {' or '.join(allowed)}")
    return value


def _whole(environment: Mapping[str, str], key: str, default: int, least: int, most: int) -> int:
    text = environment.get(key)
    if text is None:
        return default
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    if value is None or not least <= value <= most:
        raise SettingsError(f"{key}: received {text!r}; allowed: a whole number from {least} to {most}")
    return value
