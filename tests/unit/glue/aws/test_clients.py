"""One maker of clients: region, endpoint and profile as options and AWS's SDKs have them."""

import subprocess
import sys
from pathlib import Path

import pytest

from glue.aws.clients import make_client
from glue.aws.errors import EXPIRED, PASSING
from glue.aws.settings import AwsSettings, aws_settings, using
from glue.terminal.errors import UnreachableError, WrongUseError

CONFIG = "[default]\nregion = sa-east-1\n[profile staging]\nregion = eu-north-1\n"
CREDENTIALS = "[staging]\naws_access_key_id = STAGING\naws_secret_access_key = s\n"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No AWS in the environment but for two profiles and credentials."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_KINESIS"):
        monkeypatch.delenv(name, raising=False)
    for name, variable, text in (
        ("config", "AWS_CONFIG_FILE", CONFIG),
        ("credentials", "AWS_SHARED_CREDENTIALS_FILE", CREDENTIALS),
    ):
        (tmp_path / name).write_text(text)
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "FROM-ENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")


def region() -> str:
    return str(make_client("kinesis").meta.region_name)


def test_the_region_is_that_of_the_option_then_aws_region_then_the_default_then_the_profile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert region() == "sa-east-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-west-1")
    assert region() == "us-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert region() == "eu-west-1"
    with using(AwsSettings(region="us-east-2")):
        assert region() == "us-east-2"
    assert region() == "eu-west-1"


def test_a_profile_gives_its_region_and_its_credentials_before_those_of_the_environment() -> None:
    with using(AwsSettings(profile="staging")):
        client = make_client("kinesis")
    assert client.meta.region_name == "eu-north-1"
    assert client._request_signer._credentials.access_key == "STAGING"


def test_a_profile_that_is_not_there_is_named() -> None:
    with using(AwsSettings(profile="stagin")), pytest.raises(UnreachableError, match="'stagin' is in no AWS config"):
        make_client("kinesis")


def test_without_a_region_the_error_names_all_ways_to_set_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("")
    with pytest.raises(UnreachableError, match="--region, set AWS_REGION, or name a --profile"):
        make_client("kinesis")


@pytest.mark.parametrize("url", ["localhost:4566", "127.0.0.1:4566", "//x", "http://", "ftp://x", "http://x:port", "x"])
def test_an_endpoint_that_is_not_a_url_is_refused_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with using(AwsSettings(endpoint_url=url)), pytest.raises(WrongUseError, match=r"--endpoint-url.*such as http://l"):
        make_client("s3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    with pytest.raises(WrongUseError, match=r"AWS_ENDPOINT_URL.*such as http://localhost:4566"):
        make_client("s3")


def test_an_endpoint_of_one_service_that_is_not_a_url_is_refused_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "localhost:4566")
    with pytest.raises(WrongUseError, match=r"kinesis.*allowed: a URL"):
        make_client("kinesis")


def test_an_endpoint_given_as_option_counts_more_than_any_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "not a url")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:1")
    with using(AwsSettings(endpoint_url="http://127.0.0.1:2")):
        assert make_client("kinesis").meta.endpoint_url == "http://127.0.0.1:2"


def test_settings_hold_no_longer_than_they_are_used() -> None:
    with using(AwsSettings(region="a")), using(AwsSettings(profile="b")):
        assert aws_settings() == AwsSettings(region="a", profile="b")
    assert aws_settings() == AwsSettings()


def test_no_error_both_passes_by_itself_and_needs_somebody_to_log_in() -> None:
    assert not PASSING & EXPIRED


def test_a_lambda_reads_the_list_of_errors_without_boto3_click_or_the_command_line() -> None:
    code = (
        "import sys\n"
        "for name in ('boto3', 'click', 'rich', 'glue.terminal'): sys.modules[name] = None\n"
        "import consumers.aws.sinks, glue.aws.address, glue.aws.errors"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
