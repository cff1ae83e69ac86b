"""``streamkeeper train``: from labelled files to weights, and what it says of files that cannot be learned from."""

# ruff: noqa: E501, SIM905 - a case is a line

import csv
import gzip
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from consumers.moderation.ngrams import FEATURES
from consumers.moderation.scorer import Scorer
from consumers.moderation.weights import Head, Header, Weights, encode
from consumers.training.calibration import calibrate
from consumers.training.examples import key_of, read_examples
from consumers.training.fitting import Task, fit, sigmoid
from consumers.training.matrix import Matrix, Vocabulary
from consumers.training.measures import auc, f1
from consumers.training.recipe import HeadRecipe, Recipe, TrainingError
from consumers.training.teaching import Scores, taught
from consumers.training.training import train
from infra.cli import streamkeeper

CALM = "the a we you they park dinner music train letter house weather morning friend window garden coffee road".split()
RUDE = "grobian lummel fiesling schuft halunke".split()


def texts(count: int, *, seed: int, rude: bool) -> list[str]:
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        words = chance.choices(CALM, k=chance.randint(4, 12))
        if rude:
            words[chance.randrange(len(words))] = chance.choice(RUDE)
        made.append(" ".join(words))
    return made


def rows(count: int = 1000) -> list[dict[str, Any]]:
    """Half of them rude; every fifth is held out."""
    rude, calm = texts(count // 2, seed=1, rude=True), texts(count // 2, seed=2, rude=False)
    pairs = [pair for both in zip(rude, calm, strict=True) for pair in ((both[0], 1), (both[1], 0))]
    return [
        {"text": text, "label": label, "split": "test" if place % 5 == 0 else "train"}
        for place, (text, label) in enumerate(pairs)
    ]


def write(path: Path, what: list[dict[str, Any]]) -> Path:
    data = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in what).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(streamkeeper, ["train", *map(str, arguments)])


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    return write(tmp_path / "labelled.jsonl", rows())


@pytest.fixture
def natural(tmp_path: Path) -> Path:
    return write(tmp_path / "natural.jsonl.gz", [{"text": text} for text in texts(3000, seed=3, rude=False)])


def test_weights_find_what_they_were_shown(labelled: Path, natural: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine.bin"
    answer = run(labelled, "--negatives", natural, "--split", "split", "--bits", 12, "--out", out, "--json")
    assert answer.exit_code == 0, answer.output
    summary = json.loads(answer.stdout)
    weights = Weights.read(out.read_bytes())
    assert summary["weights"] == weights.name
    assert summary["bytes"] == out.stat().st_size < 16_384
    [head] = summary["heads"]
    assert head["calibrated_on"]["natural"] is True
    by_set = {one["set"]: one for one in summary["held_out"]}
    assert by_set["labelled_1"]["texts"] == 200
    assert by_set["labelled_1"]["positive"] == 100
    assert by_set["labelled_1"]["auc"] > 0.95
    assert by_set["natural_1"]["found_of_negative"]["0.5"] < 0.01
    scorer = Scorer(weights)
    assert scorer.scores("you l u m m e l")["insult"] < 0.5 < scorer.scores("you are a gr0bian my friend")["insult"]


def test_the_same_files_options_and_seed_make_the_same_bytes(labelled: Path, natural: Path, tmp_path: Path) -> None:
    made = []
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        out = tmp_path / f"{name}.bin"
        assert run(labelled, "--negatives", natural, "--bits", 10, "--seed", seed, "--out", out).exit_code == 0
        made.append(out.read_bytes())
    assert made[0] == made[1] != made[2]
    given = (labelled, "--negatives", natural, "--bits", 10, "--out", tmp_path / "a.bin", "--check")
    same, other = run(*given, "--seed", 7), run(*given, "--seed", 8)
    assert (same.exit_code, other.exit_code) == (0, 1)
    assert "the same" in same.stdout
    assert "not the same" in other.stderr


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "nested.jsonl"])
def test_every_format_and_other_columns_give_the_same_weights(
    kind: str, labelled: Path, natural: Path, tmp_path: Path
) -> None:
    options: list[object] = ["--negatives", natural, "--bits", 10, "--name", "same"]
    other = tmp_path / f"other.{kind}"
    named = [{"body": row["text"], "rude": "yes" if row["label"] else "no", "part": row["split"]} for row in rows()]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(named), other)
    elif kind == "nested.jsonl":
        write(other, [{"post": {"body": row["body"]}, **row} for row in named])
    else:
        with other.open("w", newline="") as file:
            writer = csv.DictWriter(file, named[0], delimiter="\t" if kind == "tsv" else ",")
            writer.writeheader()
            writer.writerows(named)
    # The natural file calls the column text: it stays so, by a copy of it.
    body = "post.body" if kind == "nested.jsonl" else "body"
    calm = write(tmp_path / "calm.jsonl", [{"body": text} for text in texts(3000, seed=3, rude=False)])
    if kind == "nested.jsonl":
        calm = write(tmp_path / "calm.jsonl", [{"post": {"body": text}} for text in texts(3000, seed=3, rude=False)])
    first = run(labelled, *options, "--split", "split", "--out", tmp_path / "1.bin", "--json")
    options[1] = calm
    columns = ["--text", body, "--label", "rude", "--split", "part", "--positive", "yes"]
    second = run(other, *options, *columns, "--out", tmp_path / "2.bin", "--json")
    assert (first.exit_code, second.exit_code) == (0, 0), first.output + second.output
    one, two = Weights.read((tmp_path / "1.bin").read_bytes()), Weights.read((tmp_path / "2.bin").read_bytes())
    assert one.tables == two.tables
    assert one.header.heads == two.header.heads


def test_held_out_texts_are_never_learned_from(labelled: Path, natural: Path, tmp_path: Path) -> None:
    # A word that only held-out texts have, always rude: had it been learned, it would be found.
    secret = [{"text": f"{text} geheimwort", "label": 1, "split": "test"} for text in texts(50, seed=9, rude=False)]
    file = write(tmp_path / "more.jsonl", rows() + secret)
    for name, source in (("with", file), ("without", labelled)):
        out = tmp_path / f"{name}.bin"
        given = (source, "--negatives", natural, "--split", "split", "--bits", 12, "--out", out)
        assert run(*given).exit_code == 0
    found = [Weights.read((tmp_path / f"{name}.bin").read_bytes()) for name in ("with", "without")]
    assert found[0].tables == found[1].tables


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda _: [], (), "no rows; give a file with at least one"),
        (lambda all_: all_, ("--label", "lable"), "no row has a value in column 'lable'; columns there: text, label, split"),
        (lambda all_: all_, ("--text", "body"), "no row has a value in column 'body'; columns there: text, label, split"),
        (lambda all_: all_, ("--split", "part"), "no row has a value in column 'part'"),
        (lambda all_: [row for row in all_ if row["label"]], (), "0 texts without it to learn from; needed: 20 and more"),
        (lambda all_: [row for row in all_ if not row["label"]], (), "0 texts with the label to learn from; needed: 20"),
        (lambda all_: all_[:30], (), "texts with the label to learn from; needed: 20 and more"),
        (lambda all_: [{**row, "label": "ham"} for row in all_], (), "row 1: label 'ham'; allowed: 1, true, yes, 0, false, no"),
        (lambda all_: [{**row, "text": " "} for row in all_], (), "none of 1,000 rows is usable: 1,000 without text"),
        (lambda all_: all_, ("--base-rate", "1.5"), "--base-rate: received 1.5; Expected `float` < 1.0"),
        (lambda all_: all_, ("--head", "Rude!"), "--head: received 'Rude!'; Expected `str` matching regex"),
        (lambda all_: all_, ("--ridge", "0"), "--ridge: received 0.0; Expected `float` > 0.0"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_said_in_a_line(  # type: ignore[no-untyped-def]
    change, options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    file = write(tmp_path / "labelled.jsonl", change(rows()))
    answer = run(file, *options, "--out", tmp_path / "mine.bin")
    assert answer.exit_code == 2, answer.output
    assert message in answer.stderr
    assert "Traceback" not in answer.output
    assert not (tmp_path / "mine.bin").exists()


def test_wrong_use_is_said_in_a_line(labelled: Path, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "mine.bin")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('name = "a"\n[[heads]]\nname = "toxic"\n')
    for given, message in (
        (out, "nothing to learn from: give labelled FILES, or --recipe"),
        ((tmp_path / "none.jsonl", *out), "none.jsonl"),
        ((labelled, "--recipe", recipe, *out), "FILES: not together with --recipe"),
        (("--recipe", recipe, "--seed", 3, *out), "--seed: not together with --recipe"),
        (("--recipe", recipe, *out), "recipe: Object missing required field `sets`"),
        (("--recipe", tmp_path / "none.toml", *out), "none.toml"),
        ((labelled, labelled, "--out", tmp_path / "mine.bin", "--check"), "--check: "),
    ):
        answer = run(*given)
        assert (answer.exit_code, message in answer.stderr) == (2, True), answer.output
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"text": "a", "label": 1}\n{"text": \n')
    answer = run(broken, *out)
    assert answer.exit_code == 2
    assert "row 2 cannot be read" in answer.stderr
    answer = run(labelled, "--out", tmp_path / "no" / "folder" / "mine.bin")
    assert answer.exit_code == 1
    assert "No such file or directory; give --out a path that can be written" in answer.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "recipe: "),
        ('name = "a"\nsets = []\nheads = []', "recipe: Expected `array` of length >= 1"),
        ('name = "a"\n[[heads]]\nname = "t"\n[[sets]]\nname = "s"\nfile = "f"', "head 't' has no labelled set"),
        ('name = "a"\n[[heads]]\nname = "t"\n[[heads]]\nname = "t"\n[[sets]]\nname = "s"\nfile = "f"', "head 't' twice"),
        ('name = "a"\n[[heads]]\nname = "t"\n[[sets]]\nname = "s"\nfile = "f"\nlabels.u = {}', "set 's': head 'u'; allowed: t"),
        ('name = "a"\nsed = 1', "unknown field `sed`"),
    ],
)  # fmt: skip
def test_a_recipe_that_contradicts_itself_is_refused(text: str, message: str) -> None:
    with pytest.raises(TrainingError, match=message.replace("[", r"\[")):
        Recipe.load(text)


SEVERAL = """
name = "several"
bits = 10
[teachers]
file = "t"
[published]
file = "p"
[[heads]]
name = "rude"
teacher = { sure = 1.0 }
published = 1.0
[[heads]]
name = "loud"
[[sets]]
name = "both"
file = "f"
natural = true
labels.rude = { column = "kinds", yes = ["rude"], no = ["calm"] }
labels.loud = { column = "kinds", yes = ["loud"] }
[[sets]]
name = "unlabelled"
file = "g"
natural = true
teachers_only = { any = ["1"] }
"""


def test_each_head_learns_from_what_is_said_of_it_and_from_what_teachers_say() -> None:
    recipe = Recipe.load(SEVERAL)
    both: list[dict[str, Any]] = []
    for number, text in enumerate(texts(2000, seed=6, rude=False)):
        kind = ("rude", "loud", "calm", "")[number % 4]
        word = {"rude": RUDE[0], "loud": "laut"}.get(kind, "")
        both.append({"text": f"{text} {word}", "kinds": [kind] if kind else []})
    # Nobody labelled these, a teacher finds one word of them rude.
    alone: list[dict[str, Any]] = [
        {"text": f"{text} {'lump' if number % 2 else ''}", "any": "1"}
        for number, text in enumerate(texts(2000, seed=7, rude=False))
    ]
    teachers = [
        {"key": key_of(row["text"]), "sure": "4.0" if "lump" in row["text"] or RUDE[0] in row["text"] else "-4.0"}
        for row in (*both, *alone)
    ]
    sets = [read_examples(one, rows_, seed=1) for one, rows_ in zip(recipe.sets, (both, alone), strict=True)]
    assert sets[0].count("learn", head="rude") < sets[0].count("learn", head="loud")
    published = [{"token": "gemein", "weight_times_idf": "9.0"}]
    weights = train(recipe, sets, teachers=teachers, published=published).weights
    scorer = Scorer(weights)
    assert [head.name for head in weights.header.heads] == ["rude", "loud"]
    for text, rude, loud in (
        ("the park laut", False, True),
        (f"the park {RUDE[0]}", True, False),
        ("the park lump", True, False),
        ("the park gemein", True, False),
        ("the park music", False, False),
    ):
        scores = scorer.scores(text)
        assert (scores["rude"] > 0.5, scores["loud"] > 0.5) == (rude, loud), (text, scores)


def test_the_way_to_the_weights_does_not_change_where_it_ends() -> None:
    vocabulary = Vocabulary(8)
    matrix = Matrix.of(texts(300, seed=8, rude=False) + texts(300, seed=9, rude=True), vocabulary, steady=4.0)
    zeros = np.zeros(600)
    task = Task(
        matrix,
        vocabulary.grams(),
        np.ones(len(vocabulary), bool),
        np.repeat([0.0, 1.0], 300),
        np.ones(600),
        zeros.astype(np.int64),
        zeros,
    )
    short, long = (fit(task, ridge=1.0, passes=passes) for passes in (400, 800))
    assert np.abs(short.words - long.words).max() < 0.02


def test_teachers_of_whom_some_say_nothing_are_heard_with_what_they_say() -> None:
    chance = np.random.RandomState(3)
    truth = (np.arange(4000) % 2).astype(float)
    said = np.stack([truth * 4 - 2 + chance.normal(0, 1, 4000), truth * 2 - 1 + chance.normal(0, 1, 4000)], axis=1)
    said[:1000, 1] = np.nan
    said[1000:1100] = np.nan
    head = HeadRecipe("rude", teacher={"first": 2.0, "second": 1.0})
    chances = taught(head, Scores(("first", "second")), said, np.where(np.arange(4000) % 3 == 0, truth, np.nan))
    assert np.isnan(chances[1000:1100]).all()
    assert auc(truth[:1000] == 1, chances[:1000]) > 0.9  # type: ignore[operator]
    assert auc(truth[1100:] == 1, chances[1100:]) > 0.95  # type: ignore[operator]


def test_calibrated_scores_are_the_share_that_is_positive_at_the_base_rate() -> None:
    chance = np.random.RandomState(5)
    positives, negatives = chance.normal(2, 1, 40_000), chance.normal(0, 1, 40_000)
    scale, bias = calibrate(positives, negatives, base_rate=0.01)
    # Two normal curves two apart: log odds 2 x - 2, and those of the base rate.
    assert scale == pytest.approx(2, abs=0.1)
    assert bias == pytest.approx(-2 + np.log(0.01 / 0.99), abs=0.15)
    raw = np.concatenate([positives, negatives])
    weights = np.concatenate([np.full(40_000, 0.01), np.full(40_000, 0.99)])
    labels = np.concatenate([np.ones(40_000), np.zeros(40_000)])
    scores = sigmoid(scale * raw + bias)
    inside = (scores > 0.1) & (scores < 0.4)
    share = np.average(labels[inside], weights=weights[inside])
    assert share == pytest.approx(np.average(scores[inside], weights=weights[inside]), abs=0.03)


def test_the_matrix_sums_what_the_detector_sums() -> None:
    plains = ["you idiot you", "", "@me 2024", "你是白痴", "fuck-you/idiot!!"]
    vocabulary = Vocabulary(10)
    matrix = Matrix.of(plains, vocabulary, steady=4.0)
    of_grams = np.arange(1024, dtype=np.float64) % 7 - 3
    sums = matrix.sums(vocabulary.grams().sums(of_grams))
    header = Header("m", FEATURES, (Head("h", 0.0, 1.0, 1.0, 0.0),), 0, 10, 1.0, 4.0, "")
    scorer = Scorer(Weights.read(encode(header, b"", [(b"", of_grams.astype(np.int8).tobytes())])))
    for plain, value in zip(plains, sums, strict=True):
        [found] = scorer.strongest(plain)
        # The detector sums in steps of 1/256.
        assert value == (pytest.approx(found, abs=0.01) if found > -1e9 else 0.0)


def test_measures_agree_with_counting() -> None:
    chance = np.random.RandomState(6)
    labels, scores = chance.rand(60) < 0.4, chance.randint(0, 8, 60) / 8.0
    pairs = [(p > n) + (p == n) / 2 for p in scores[labels] for n in scores[~labels]]
    assert auc(labels, scores) == pytest.approx(sum(pairs) / len(pairs))
    assert auc(np.array([True]), np.array([1.0])) is None
    assert f1(np.array([False]), np.array([False])) is None
