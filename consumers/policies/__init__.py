"""The policies in the bundle."""

from importlib import resources


def read_policy(name: str) -> str:
    """The TOML text of a bundled policy.

    Raises:
        ValueError: there is none of that name; the message says which there are.
    """
    names = policy_names()
    if name not in names:
        raise ValueError(f"received policy {name!r}; allowed: {', '.join(names)}")
    return (resources.files(__name__) / f"{name}.toml").read_text("utf-8")


def policy_names() -> list[str]:
    """The names of the bundled policies."""
    folder = resources.files(__name__)
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
