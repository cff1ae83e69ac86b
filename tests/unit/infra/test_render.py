"""What the AWS template repeats of the contract and the reports is up to date."""

import pytest

from infra.render import TEMPLATE, main, rendered


def test_the_template_holds_columns_views_and_saved_queries_as_they_are_now() -> None:
    assert main(["--check"]) == 0


def test_a_template_without_a_place_for_them_is_refused() -> None:
    with pytest.raises(ValueError, match="0 blocks"):
        rendered("Resources: {}\n")


@pytest.mark.parametrize("block", ["columns of archive", "view current_signals", "saved queries"])
def test_a_block_that_was_changed_by_hand_is_written_anew(block: str) -> None:
    text = TEMPLATE.read_text("utf-8")
    head, mark, rest = text.partition(f"# BEGIN GENERATED {block}: python -m infra.render\n")
    assert mark
    assert rendered(f"{head}{mark}          stale\n{rest}") == text
