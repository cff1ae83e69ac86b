"""Records what Trino answers to the statements, beside them: `make oracle-trino`, with Java 17 and Maven."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from tests.sql.trino.corpus import FOLDER, NOW, statements, topics


def ask(classpath: str, asked: list[str]) -> list[dict[str, object]]:
    """Trino's answers, in order.

    Args:
        classpath: of Trino and of the oracle's class.
        asked: statements.
    """
    moment = NOW.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    command = ["java", "-Xmx1500m", "-cp", classpath, "Oracle", moment]
    given = "".join(json.dumps({"sql": sql}) + "\n" for sql in asked)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=1200)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def recorded() -> dict[str, dict[str, object]]:
    """The answers that are there, by statement."""
    lines = [line for path in (FOLDER / "answers").glob("*.jsonl") for line in path.read_text("utf-8").splitlines()]
    return {str(answer.pop("sql")): answer for answer in map(json.loads, lines)}


def main() -> None:
    """Asks Trino and writes the answers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classpath", required=True, help="a file with Trino's class path, as Maven writes it")
    parser.add_argument("--classes", required=True, help="the folder of the oracle's class")
    parser.add_argument("--all", action="store_true", help="ask anew what has an answer already")
    given = parser.parse_args()
    classpath = f"{given.classes}:{Path(given.classpath).read_text().strip()}"
    setup = statements(FOLDER / "tables.sql")
    by_topic = {topic: statements(FOLDER / "statements" / f"{topic}.sql") for topic in topics()}
    known = {} if given.all else recorded()
    asked = [*setup, *dict.fromkeys(sql for found in by_topic.values() for sql in found if sql not in known)]
    print(f"asking Trino {len(asked)} statements ...", file=sys.stderr)
    answers = ask(classpath, asked)
    if len(answers) != len(asked):
        sys.exit(f"{len(answers)} answers to {len(asked)} statements")
    for sql, answer in zip(setup, answers, strict=False):
        if "error" in answer:
            sys.exit(f"{sql[:60]}: {answer['error']}: {answer['message']}")
    known |= dict(zip(asked[len(setup) :], answers[len(setup) :], strict=True))
    (FOLDER / "answers").mkdir(exist_ok=True)
    for topic, found in by_topic.items():
        lines = [json.dumps({"sql": sql, **known[sql]}, ensure_ascii=False) + "\n" for sql in found]
        (FOLDER / "answers" / f"{topic}.jsonl").write_text("".join(lines), encoding="utf-8")
        print(f"  {topic}: {len(lines)}", file=sys.stderr)


if __name__ == "__main__":
    main()
