"""``streamkeeper policy``: what it says about policies, texts and changes, and its exit codes."""

import gzip
import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from click.testing import CliRunner

from consumers.moderation.moderator import Moderator
from consumers.moderation.policy import Policy, PolicyError
from consumers.policies import read_policy
from consumers.policy_tools.compare import differences
from consumers.policy_tools.loading import files_beside, read_text
from consumers.policy_tools.schema import PATH, rendered
from infra.commands.policy import policy, unused_because

POLICY = """\
id = "mine"
owner = "ann"
[labels.spam]
flag = 0.3
block = 0.9
[[terms]]
rule = "phrases"
label = "spam"
score = 0.5
terms = ["free money"]
reason = "it is spam"
expires = 2030-01-01
"""


def run(*arguments: str, given: str | bytes | None = None) -> tuple[int, str]:
    result = CliRunner().invoke(policy, list(arguments), input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(POLICY)
    return str(path)


@pytest.mark.parametrize("command", ["check", "show", "diff", "publish"])
def test_help_names_the_policies_of_the_bundle(command: str) -> None:
    assert "a policy of the bundle (default, lenient, strict)" in " ".join(run(command, "--help")[1].split())


@pytest.mark.parametrize("command", [("show",), ("diff", "default"), ("publish",), ("test", "--policy")])
def test_each_thing_that_is_wrong_has_a_line_of_its_own(tmp_path: Path, command: tuple[str, ...]) -> None:
    bad, cases = tmp_path / "bad.toml", tmp_path / "cases.yaml"
    bad.write_text(POLICY.replace("flag", "flga").replace("0.9", "9"))
    cases.write_text("policy: default\ncases: [{text: a, action: allow}]\n")
    code, output = run(*command, str(bad), *([str(cases)] if command[0] == "test" else []))
    assert code == 1
    first, *lines = output.splitlines()
    assert first.startswith(f"Error: {bad} ")
    assert [line.split(":")[0] for line in lines] == ["  line 4, column 1", "  line 5, column 9"]
    assert "\\n" not in output


def test_a_stack_that_takes_its_policy_from_elsewhere_is_said_to() -> None:
    built_in = unused_because({"PolicyPlace": "bundle", "Policy": "default"}, "default")
    assert built_in is not None
    assert "deploy with PolicyPlace=bucket" in built_in
    assert unused_because({"PolicyPlace": "bucket", "Policy": "default"}, "default") is None
    other = unused_because({"PolicyPlace": "bucket", "Policy": "default"}, "mine")
    assert other is not None
    assert "--name default" in other


def test_check_names_everything_with_its_place(tmp_path: Path, mine: str) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(POLICY.replace("flag", "flga").replace("0.9", "9"))
    code, output = run("check", mine, str(bad), "default")
    assert code == 1
    assert output.splitlines()[0].startswith(f"{mine}: good (version ")
    assert output.splitlines()[1] == (
        f"{bad}:4:1: labels.spam.flga: unknown key; allowed: block, flag, handling, hold, review; did you mean 'flag'?"
    )
    assert output.splitlines()[2].startswith(f"{bad}:5:9: labels.spam.block: received 9")
    code, output = run("check", str(bad), "--json")
    assert [(one["line"], one["column"], one["path"]) for one in json.loads(output)] == [
        (4, 1, "labels.spam.flga"),
        (5, 9, "labels.spam.block"),
    ]
    code, output = run("check", "-", given=POLICY)
    assert (code, output.split(" (version ")[0]) == (0, "-: good")


@pytest.mark.parametrize("name", ["nope", "s3://", "missing.toml"])
def test_a_policy_that_is_nowhere_is_wrong_use(name: str) -> None:
    code, output = run("check", name)
    assert code == 2
    assert "default" in output or "s3://BUCKET/KEY" in output


def test_show_tells_of_each_rule_its_owner_reason_and_end(mine: str) -> None:
    code, output = run("show", mine)
    assert code == 0
    assert "spam: flag from 0.3, block from 0.9" in output
    assert "phrases spam 0.5  (ann, until 2030-01-01): it is spam" in output
    assert json.loads(run("show", mine, "--json")[1])["terms"][0]["rule"] == "phrases"


def test_show_tells_of_every_kind_of_rule_what_it_counts_for(tmp_path: Path) -> None:
    for name in ("default", "lenient", "strict"):
        code, output = run("show", name)
        assert code == 0, output
        rules = {rule.rule for _, _, rule in Policy.load(read_text(name), files=files_beside(name)).rules()}
        assert {rule for rule in rules if f" {rule}" not in output} == set()
    path = tmp_path / "asked_for.toml"
    path.write_text(
        'id = "a"\n[labels.sexual]\nflag = 0.3\n[[solicitations]]\nrule = "asks"\nlabel = "sexual"\nkinds = ["link"]\n'
    )
    assert "  solicitations  asks sexual 0.3 to 1.0  (nobody)" in run("show", str(path))[1]


def test_show_tells_whom_a_policy_would_ask_and_asks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "asking.toml"
    path.write_text(
        'id = "a"\n[labels.spam]\nflag = 0.3\n[[terms]]\nrule = "r"\nlabel = "spam"\nscore = 0.5\nterms = ["pills"]\n'
        '[[managed]]\nrule = "second_look"\nservice = "comprehend"\nlabels = { TOXICITY = "spam" }\n'
        "borderline.spam.low = 0.4\n"
    )
    assert "managed  second_look comprehend: spam, 1000 calls an hour  (nobody)" in run("show", str(path))[1]
    assert "second_look would ask comprehend" in run("show", str(path), "--text", "pills")[1]
    assert json.loads(run("show", str(path), "--text", "pills", "--json")[1])["would_ask"] == ["second_look"]
    data = tmp_path / "texts.jsonl"
    data.write_text('{"text": "pills"}\n{"text": "hello"}\n{"text": "more pills", "language": "de"}\n{"text": "x"}\n')
    assert "second_look would ask about 1 (25.00%)" in run("diff", "default", str(path), "--data", str(data))[1]
    found = json.loads(run("diff", "default", str(path), "--data", str(data), "--json")[1])
    assert found["would_ask"] == {"second_look": 1}
    assert "would ask" not in run("diff", str(path), "default", "--data", str(data))[1]
    assert "would ask" not in run("show", str(path), "--text", "hello")[1]
    assert "would ask" not in run("show", str(path), "--text", "pills", "--language", "de")[1]


def test_show_explains_a_verdict_and_masks_what_is_personal() -> None:
    code, output = run("show", "default", "--text", "-", given="FREE M0NEY, write to jo@mail.example.org now\n")
    assert code == 0
    assert output.startswith("flag: FREE M0NEY, write to [email] now\n")
    assert "terms spam_phrases_en: spam 0.5 -> flag  (on comment: flag 0.15" in output
    assert "jo@" not in output
    document = json.loads(run("show", "default", "--text", "FREE M0NEY", "--json")[1])
    assert document["signals"] == [{"detector": "terms", "label": "spam", "score": 0.5, "rule": "spam_phrases_en"}]


def test_show_names_the_words_that_made_the_models_score_and_none_that_is_masked() -> None:
    text = "you stupid idiot, write to stupid.idiot@mail.example.org"
    code, output = run("show", "default", "--text", text)
    assert code == 0
    [line] = [line for line in output.splitlines() if line.startswith("  model model_insult")]
    made = output.splitlines()[output.splitlines().index(line) + 1]
    assert made.startswith("    made by ")
    assert "stupid +" in made
    assert "@" not in output
    signals = json.loads(run("show", "default", "--text", text, "--json")[1])["signals"]
    [words] = [signal["words"] for signal in signals if signal["rule"] == "model_insult"]
    assert {"stupid", "idiot,"} <= {word["token"] for word in words}
    assert all(word["logit"] > 0 for word in words)


def test_a_text_that_is_not_utf_8_is_wrong_use_and_no_stack_trace() -> None:
    for answer in (
        run("show", "default", "--text", "\udcff idiot"),
        run("show", "default", "--text", "-", given=b"\xff idiot"),
    ):
        assert answer[0] == 2
        assert "the text is not UTF-8" in answer[1]


def test_cases_that_fail_are_named_with_what_was_expected(tmp_path: Path, mine: str) -> None:
    cases = tmp_path / "cases.yaml"
    cases.write_text(
        "policy: mine.toml\ncases:\n"
        "  - {text: free money, action: flag, rules: [phrases]}\n"
        "  - {text: free money, action: block, labels: [spam]}\n"
        "  - {text: hello, action: allow, surface: chat, language: de, author: a1}\n"
    )
    code, output = run("test", str(cases))
    assert code == 1
    assert output == (
        f"{cases}#2 (line 4): free money\n  action: expected block, the policy said flag\n2 of 3 cases as expected\n"
    )
    document = json.loads(run("test", str(tmp_path), "--policy", mine, "--json")[1])
    assert document == {
        "cases": 3,
        "failed": [{"case": f"{cases}#2", "line": 4, "text": "free money", "differs": {"action": ["block", "flag"]}}],
    }


@pytest.mark.parametrize(
    "text", ["cases: 3", "[", "cases:\n - text: 3\n   action: flag", "cases:\n - {text: a, action: b, lables: []}"]
)
def test_a_file_that_holds_no_cases_is_wrong_use(tmp_path: Path, text: str) -> None:
    (tmp_path / "cases.yaml").write_text(text)
    code, output = run("test", str(tmp_path))
    assert code == 2
    assert "cases.yaml" in output


def test_the_projects_own_cases_pass_by_the_command() -> None:
    # All of them, one by one: tests/policies.
    code, output = run("test", str(Path(__file__).parents[3] / "policies" / "relations.yaml"))
    assert code == 0, output


def test_diff_names_what_changed_and_what_that_does_to_texts(tmp_path: Path, mine: str) -> None:
    other = tmp_path / "other.toml"
    other.write_text(POLICY.replace("score = 0.5", "score = 0.95").replace("free money", 'free money", "act now'))
    data = tmp_path / "texts.jsonl.gz"
    rows = [{"text": "free money for jo@mail.example.org"}, {"text": "act now"}, {"text": "hello"}, {"text": ""}]
    data.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    code, output = run("diff", mine, str(other), "--data", str(data), "--examples", "2")
    assert code == 0
    assert "terms.phrases.score: 0.5 -> 0.95" in output
    assert "3 texts: 2 acted on otherwise (66.67%), 2 more strictly" in output
    assert "allow -> block: 1" in output
    assert "flag -> block (phrases -> phrases): free money for [email]" in output
    document = json.loads(run("diff", mine, str(other), "--data", str(data), "--json")[1])
    assert {(one["before"], one["after"]): one["texts"] for one in document["moves"]} == {
        ("allow", "allow"): 1, ("allow", "block"): 1, ("flag", "block"): 1,
    }  # fmt: skip


def test_a_rule_that_only_moved_is_no_difference() -> None:
    rule = '[[terms]]\nrule = "{}"\nlabel = "spam"\nscore = 1\nterms = ["{}"]\n'
    head = POLICY[: POLICY.index("[[terms]]")]
    one = Policy.load(head + rule.format("a", "x") + rule.format("b", "y"))
    two = Policy.load(head + rule.format("b", "y") + rule.format("a", "x"))
    assert differences(one, two) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "x"),
        ("a.jsonl", "x"),
        ("a.jsonl", "[1]"),
        ("a.jsonl", ""),
        ("a.jsonl.gz", "x"),
        ("a.csv", "other\n1\n"),
    ],
)
def test_a_file_of_texts_that_is_none_is_named(tmp_path: Path, mine: str, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    code, output = run("diff", mine, "default", "--data", str(path))
    assert code == 2
    assert str(path) in output


def test_the_published_schema_is_up_to_date() -> None:
    assert PATH.read_text("utf-8") == rendered(), "stale: run make render"


def accepted(document: dict[str, Any]) -> bool:
    schema = json.loads(PATH.read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
    plain = json.loads(json.dumps(document, default=str))
    return not list(validator.iter_errors(plain))


def test_the_schema_takes_the_bundled_policy_and_has_a_word_for_every_key() -> None:
    assert accepted(tomllib.loads(read_policy("default")))
    schema = json.loads(PATH.read_text("utf-8"))
    bare = [
        f"{name}.{key}"
        for name, definition in schema["$defs"].items()
        for key, value in definition.get("properties", {}).items()
        if not value.get("description")
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("", ""),
        ("score = 0.5", 'severity = "high"'),
        ("score = 0.5", 'severity = "huge"'),
        ("score = 0.5", 'score = 0.5\nseverity = "high"'),
        ("score = 0.5", ""),
        ("flag = 0.3", "flga = 0.3"),
        ("flag = 0.3", "flag = 3"),
        ('"phrases"', '"Phrases"'),
        ('["free money"]', "[]"),
        ('["free money"]', '["free money"]\nlanguage = "de"'),
        ('["free money"]', '["free money"]\nlanguage = "de-AT"'),
        ("2030-01-01", '"soon"'),
        ('id = "mine"', 'id = "mine"\nmore = 1'),
        ("[[terms]]", '[languages.de.labels.spam]\nflag = 0.1\n[[terms]]'),
        ("[[terms]]", '[[links]]\nrule = "l"\nlabel = "spam"\nscore = 1\nkinds = ["shortener"]\n[[terms]]'),
        ("[[terms]]", '[[links]]\nrule = "l"\nlabel = "spam"\nscore = 1\nkinds = ["short"]\n[[terms]]'),
        ("[[terms]]", '[[authors]]\nrule = "l"\nauthors = ["a"]\nlower_by = 0.1\n[[terms]]'),
        ("[[terms]]", '[[authors]]\nrule = "l"\nauthors = ["a"]\nlower_by = 0\n[[terms]]'),
        ('terms = ["free money"]\n', ""),
        ("[labels.spam]\nflag = 0.3\nblock = 0.9", 'extends = "default"'),
        ("[labels.spam]\nflag = 0.3\nblock = 0.9", "labels = {}"),
    ],
)  # fmt: skip
def test_the_schema_takes_what_the_consumer_takes(find: str, replace: str) -> None:
    text = POLICY.replace(find, replace) if find else POLICY
    try:
        Moderator(Policy.load(text))
        usable = True
    except PolicyError:
        usable = False
    assert accepted(tomllib.loads(text)) == usable


FLOODED = """
id = "flooded"
[labels.flood]
flag = 0.3
[[floods]]
rule = "fast"
label = "flood"
score = 0.5
events = 3
seconds = 10
"""


def test_cases_say_what_becomes_of_a_text_that_comes_many_times_in_one_batch(tmp_path: Path) -> None:
    mine, cases = tmp_path / "mine.toml", tmp_path / "cases.yaml"
    mine.write_text(FLOODED)
    cases.write_text(
        "cases:\n"
        "  - {text: 'line {number}', times: 4, every: 2, action: flag, rules: [fast], labels: [flood]}\n"
        "  - {text: 'line {number}', times: 4, every: 6, action: flag}\n"
        "  - {text: 'line {number}', times: 4, authors: 2, action: allow, excerpt: line 1}\n"
    )
    code, output = run("test", str(cases), "--policy", str(mine), "--json")
    assert code == 1
    document = json.loads(output)
    assert [(case.pop("line"), case.pop("text")) for case in document["failed"]] == [
        (3, "line {number}"),
        (4, "line {number}"),
    ]
    assert document == {
        "cases": 3,
        "failed": [
            {"case": f"{cases}#2", "differs": {"action": ["flag", "allow"]}},
            {"case": f"{cases}#3", "differs": {"excerpt": ["line 1", "line 2"]}},
        ],
    }


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("times: 0", "times 0, authors 1; allowed: whole numbers from 1 to 10000"),
        ("times: 5, authors: many", "times 5, authors many; allowed: whole numbers"),
        ("times: 5, every: 90000", "every 90000, 5 times; allowed: seconds from 0, all within a day"),
        ("times: 5, every: soon", "every soon, 5 times; allowed: seconds from 0"),
        ("time: 5", "unknown time; allowed: action, author, authors, every, excerpt,"),
    ],
)
def test_a_case_of_a_batch_that_cannot_be_is_refused_by_its_place(tmp_path: Path, keys: str, message: str) -> None:
    cases = tmp_path / "cases.yaml"
    cases.write_text(f"cases:\n  - {{text: a, action: allow, {keys}}}\n")
    code, output = run("test", str(cases))
    assert (code, f"{cases}#1: {message}" in output) == (2, True), output


def test_a_policy_takes_terms_from_a_file_beside_it_but_is_not_published_so(tmp_path: Path) -> None:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "ours.txt").write_text("# ours\nmoon coin\n")
    mine = tmp_path / "mine.toml"
    mine.write_text(POLICY.replace('terms = ["free money"]', 'from = "words/ours.txt"'))
    assert run("check", str(mine))[0] == 0
    assert json.loads(run("show", str(mine), "--json", "--text", "moon coin")[1])["action"] == "flag"
    code, output = run("publish", str(mine))
    assert code == 1
    assert "put terms in place of from" in output
    mine.write_text(mine.read_text().replace("ours.txt", "theirs.txt"))
    code, output = run("check", str(mine))
    assert code == 1
    assert "theirs.txt: No such file" in output


def test_what_was_found_is_shown_with_the_reason_that_its_rule_gives() -> None:
    lines = run("show", "default", "--text", "I will slit your throat", "--language", "en")[1].splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("  patterns threats_how: threat")]
    assert lines[place + 1] == "    It says how."
