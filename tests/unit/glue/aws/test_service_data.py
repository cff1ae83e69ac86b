"""Sessions of a process share what they know of AWS's services, and nothing else."""

import json
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ProfileNotFound

from glue.aws.service_data import core_session


def test_a_service_is_described_once_for_all_sessions_and_their_number_leaves_nothing_behind() -> None:
    first, second = (boto3.Session(botocore_session=core_session(), region_name="eu-west-1") for _ in range(2))
    described = [session.client("sqs").meta.service_model.metadata for session in (first, second)]
    assert described[0] is described[1]
    loader = core_session().get_component("data_loader")
    paths = loader.search_paths
    assert boto3.Session(botocore_session=core_session()).get_available_services() == first.get_available_services()
    assert loader.search_paths == paths


def test_settings_of_one_session_are_not_those_of_another() -> None:
    regions = ("eu-west-1", "us-east-2")
    sessions = [boto3.Session(botocore_session=core_session(), region_name=region) for region in regions]
    assert tuple(session.client("sqs").meta.region_name for session in sessions) == regions


def test_descriptions_in_a_folder_that_the_environment_names_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "ours" / "2026-01-01"
    folder.mkdir(parents=True)
    description = {"metadata": {"endpointPrefix": "ours"}, "operations": {}}
    (folder / "service-2.json").write_text(json.dumps(description), encoding="utf-8")
    assert "ours" not in core_session().get_available_services()
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert "ours" in core_session().get_available_services()


def test_a_profile_that_is_in_no_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with pytest.raises(ProfileNotFound, match="nobody"):
        core_session("nobody")
