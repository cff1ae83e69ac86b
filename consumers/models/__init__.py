"""The linear model's weights in the bundle, each beside its recipe. ``docs/model-card.md`` tells of them."""

from importlib import resources


def read_weights(name: str) -> bytes:
    """The file of bundled weights.

    Args:
        name: as a policy gives it, with or without its version: ``default`` or ``default@0123456789abcdef``.

    Raises:
        ValueError: there is none of that name; the message says which there are.
    """
    folder = resources.files(__name__)
    wanted = name.partition("@")[0]
    names = sorted(entry.name.removesuffix(".bin") for entry in folder.iterdir() if entry.name.endswith(".bin"))
    if wanted not in names:
        raise ValueError(f"received weights {name!r}; allowed: {', '.join(names) or 'none, the bundle has no weights'}")
    return (folder / f"{wanted}.bin").read_bytes()
