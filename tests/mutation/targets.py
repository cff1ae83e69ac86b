"""The modules in which a defect loses, doubles or leaks something, by theme, and the tests that have to notice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple


class Theme(NamedTuple):
    """Modules of one kind.

    Args:
        name: of the kind.
        modules: files, or patterns of files.
        tests: files or folders; doctests of a module are named like it.
        rendered: what is made from the modules and has to be made again with the defect in, by ``render``.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]
    rendered: str = ""
    render: str = ""

    def files(self, root: Path) -> Iterator[str]:
        """The modules' paths."""
        for pattern in self.modules:
            for path in sorted(root.glob(pattern)):
                if path.name != "__init__.py":
                    yield path.relative_to(root).as_posix()


THEMES: Final = (
    Theme(
        "checkpoint",
        (
            "consumers/batch.py",
            "consumers/pipeline.py",
            "consumers/effects.py",
            "consumers/report.py",
            "infra/local/awslambda/lane.py",
            "infra/local/awslambda/checkpoints.py",
        ),
        (
            "tests/unit/consumers/test_batch.py",
            "tests/unit/consumers/test_effects.py",
            "tests/unit/consumers/test_pipeline.py",
            "tests/unit/consumers/test_deferred.py",
            "tests/unit/infra/local/awslambda/test_checkpoints.py",
            "tests/unit/infra/local/awslambda/test_lane.py",
            "tests/unit/infra/local/awslambda/test_mapping.py",
            "consumers/batch.py",
            "infra/local/awslambda",
        ),
    ),
    Theme(
        "retry index",
        (
            "consumers/resend.py",
            "consumers/aws/sinks.py",
            "producers/delivery/call.py",
            "producers/delivery/batches.py",
            "producers/delivery/sending.py",
            "producers/delivery/spooled.py",
            "producers/delivery/lanes.py",
        ),
        (
            "tests/unit/consumers/test_resend.py",
            "tests/unit/consumers/aws/test_sinks.py",
            "tests/unit/producers/delivery",
            "consumers/aws/sinks.py",
            "producers/delivery",
        ),
    ),
    Theme(
        "identities",
        ("consumers/rows.py",),
        (
            "tests/unit/consumers/test_rows.py",
            "tests/unit/consumers/test_pipeline.py",
            "tests/unit/consumers/test_deferred.py",
            "tests/unit/consumers/test_escalation.py",
        ),
    ),
    Theme(
        "masking",
        ("consumers/moderation/excerpt.py", "consumers/moderation/detectors/personal_data/spans.py"),
        (
            "tests/unit/consumers/test_rows.py",
            "tests/unit/consumers/moderation/test_excerpt.py",
            "tests/unit/consumers/moderation/detectors/personal_data",
            "consumers/moderation/excerpt.py",
            "consumers/moderation/detectors/personal_data/spans.py",
        ),
    ),
    Theme("lateness", ("glue/codec.py",), ("tests/unit/glue/test_codec.py", "glue/codec.py")),
    Theme(
        "spool",
        ("producers/spool/*.py",),
        ("tests/unit/producers/spool", "tests/unit/producers/delivery/test_spooled.py", "producers/spool"),
    ),
    Theme("replay", ("producers/replay/*.py",), ("tests/unit/producers/replay", "producers/replay")),
    Theme("redrive", ("producers/redrive/*.py",), ("tests/unit/producers/redrive", "producers/redrive")),
    Theme("audit", ("infra/audit/*.py", "athena/audits/*.sql"), ("tests/unit/infra/audit", "infra/audit")),
    Theme(
        "views",
        ("athena/views.py", "athena/views/*.sql"),
        ("tests/unit/athena/test_views.py", "tests/sql/test_current_verdicts.py", "tests/sql/test_other_views.py"),
        # The runtime makes the views as the template has them.
        rendered="infra/aws/template.yaml",
        render="infra.render",
    ),
)
