"""``streamkeeper dashboard``: what it writes, prints and refuses."""

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from athena.engine import EngineUnreachable
from infra.commands.dashboard import dashboard
from infra.commands.stack import Target
from tests.fakes.report_answers import Reports

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def invoke(engine: Reports, *arguments: str) -> Result:
    target = Target(engine=engine, database="d", workgroup="w", now=NOW.timestamp)
    return CliRunner().invoke(dashboard, [*arguments], obj=target)


def engine(**rows: Any) -> Reports:
    return Reports({"summary": [{"events": 1, "before_events": 0}], **rows})


def test_the_pages_are_written_and_the_first_is_named(tmp_path: Path) -> None:
    result = invoke(engine(), "--export", str(tmp_path / "site"), "--since", "7d")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"9 files in {tmp_path / 'site'}; begin with {tmp_path / 'site' / 'index.html'}\n"
    assert "2026-11-13 12:00:00Z to 2026-11-20 12:00:00Z" in (tmp_path / "site" / "index.html").read_text("utf-8")


def test_a_program_gets_the_files_as_json(tmp_path: Path) -> None:
    result = invoke(engine(), "--export", str(tmp_path), "--json")
    assert sorted(json.loads(result.stdout)["files"]) == sorted(str(path) for path in tmp_path.iterdir())


def test_a_period_that_cannot_be_meant_is_wrong_use(tmp_path: Path) -> None:
    result = invoke(engine(), "--export", str(tmp_path / "site"), "--since", "soon")
    assert result.exit_code == 2
    assert "'soon' is not a time; allowed: a date" in result.stderr
    assert not (tmp_path / "site").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    result = invoke(engine(), "--export", str(tmp_path / "taken" / "site"))
    assert result.exit_code == 1
    assert f"{tmp_path / 'taken' / 'site'} cannot be written" in result.stderr
    assert "give another --export" in result.stderr


def test_queries_that_fail_while_files_are_written_end_in_an_error(tmp_path: Path) -> None:
    asked = engine()
    asked.failures["latency"] = EngineUnreachable("nobody answers", hint="streamkeeper up starts it")
    result = invoke(asked, "--export", str(tmp_path))
    assert result.exit_code == 1
    assert f"files are in {tmp_path}, but not every query was answered" in result.stderr
    assert "latency: nobody answers (streamkeeper up starts it)" in result.stderr
    assert "Traceback" not in result.output


def test_a_port_that_is_taken_is_said_with_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = invoke(engine(), "--port", str(port))
    assert result.exit_code == 1
    assert f"port {port} of 127.0.0.1 is taken" in result.stderr
    assert "--port" in result.stderr
