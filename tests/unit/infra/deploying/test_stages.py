"""Stages are read from samconfig.toml, whose parameters the template takes."""

from pathlib import Path

import pytest

from infra.deploying.looking import of_the_parameters, of_the_template
from infra.deploying.stages import read_stage
from infra.local.cloudformation.provision import read_template


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_stage_deploys_with_nothing_but_alarms_that_reach_nobody_against_it(name: str) -> None:
    stage, template = read_stage(name), read_template()
    assert of_the_template(template, stack=stage.stack, parameters=stage.parameters, account_id="1" * 12) == []
    findings = of_the_parameters(template, stage.parameters, {})
    assert [one.says for one in findings if "AlarmTopicArn" not in one.says] == []
    assert stage.tags == {"application": "streamkeeper", "stage": name}


def test_the_stack_that_all_commands_ask_by_default_is_that_of_prod() -> None:
    assert read_stage("prod").stack == "streamkeeper"


def test_an_unknown_stage_and_a_broken_file_are_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"--stage 'test' is not in samconfig\.toml; it has dev, prod"):
        read_stage("test")
    broken = tmp_path / "samconfig.toml"
    broken.write_text("[dev", encoding="utf-8")
    with pytest.raises(ValueError, match=r"samconfig\.toml"):
        read_stage("dev", broken)
    with pytest.raises(ValueError, match="gone"):
        read_stage("dev", tmp_path / "gone.toml")
