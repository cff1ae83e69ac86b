"""The Grafana dashboard that is committed is the one that the reports give."""

from athena.__main__ import main


def test_the_committed_dashboard_is_what_the_reports_render() -> None:
    assert main(["render", "--check"]) == 0
