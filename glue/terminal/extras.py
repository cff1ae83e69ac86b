"""Which extra of the package brings a module that is not installed."""

EXTRAS = {
    "cli": ("click", "rich", "yaml", "backports", "boto3", "botocore"),
    "lake": ("awswrangler", "pandas", "pyarrow"),
    "serve": ("cryptography", "granian", "prometheus_client"),
    "local": (
        "duckdb",
        "fsspec",
        "jinja2",
        "jq",
        "moto",
        "numpy",
        "pytz",
        "samtranslator",
        "sqlglot",
        "werkzeug",
    ),
}
"""The modules that each extra of a command line brings: ``lake`` and ``local`` are installed beside ``cli``."""


def extra_of(module: str | None) -> str | None:
    """The extra that brings a module, or None when no extra does.

    >>> extra_of("moto.server"), extra_of("pyarrow"), extra_of("json")
    ('local', 'lake', None)
    """
    top = (module or "").partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if top in modules), None)


def missing_extra(module: str | None) -> str | None:
    """One line that says what to install for a module that is missing; None when no extra brings it.

    >>> missing_extra("duckdb")
    "this needs the extra 'local' (no module 'duckdb'): pip install 'streamkeeper[local]'"
    """
    extra = extra_of(module)
    if extra is None:
        return None
    return f"this needs the extra {extra!r} (no module {module!r}): pip install 'streamkeeper[{extra}]'"
