"""The linear model's weights in the bundle, each beside its recipe. ``docs/model-card.md`` tells of them."""

from pkgutil import get_data


def read_weights(name: str) -> bytes:
    """The file of bundled weights.

    Args:
        name: as a policy gives it, with or without its version: ``default`` or ``default@0123456789abcdef``.

    Raises:
        ValueError: there is none of that name; the message says which there are.
    """
    wanted = name.partition("@")[0]
    try:
        data = None if "/" in wanted else get_data(__name__, f"{wanted}.bin")
    except FileNotFoundError:
        data = None
    if data is None:
        allowed = ", ".join(_names()) or "none, the bundle has no weights"
        raise ValueError(f"received weights {name!r}; allowed: {allowed}")
    return data


def _names() -> list[str]:
    from importlib import resources

    folder = resources.files(__name__)
    return sorted(entry.name.removesuffix(".bin") for entry in folder.iterdir() if entry.name.endswith(".bin"))
