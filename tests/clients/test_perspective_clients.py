"""Clients of Perspective, unmodified, against `streamkeeper serve`: what they need is fetched into a folder.

    make test-perspective        # network; uv, node with npm, go and cargo on the path

The folder is STREAMKEEPER_CLIENTS, else a temporary one. Some take another address by a setting of their
own; the others have Perspective's host written into them and are led here by `--redirect`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct

from infra.serving.keys_file import KeysFile

TEXT = "You are a complete idiot. 🙂"
AT = "2026-01-02T03:04:05+00:00"


class Client(Struct, frozen=True):
    """A client, and a program that asks for TOXICITY with it and prints the score.

    Args:
        install: commands that bring it into the folder they run in.
        run: the command that asks.
        program: the file that is run, by name.
        redirect: whether the host is written into it.
        files: what else the installation needs, by name.
    """

    install: tuple[str, ...]
    run: str
    program: tuple[str, str]
    redirect: bool = False
    files: tuple[tuple[str, str], ...] = ()


def _python(packages: str, program: str, *, redirect: bool = False) -> Client:
    install = ("uv venv -q --python 3.11 env", f"uv pip install -q --python env/bin/python {packages}")
    return Client(install, "env/bin/python ask.py", ("ask.py", program), redirect)


CLIENTS = {
    "google-api-python-client": _python(
        "google-api-python-client==2.202.0",
        """
import os
from googleapiclient import discovery
url = os.environ["BASE"] + "/$discovery/rest?version=v1alpha1"
client = discovery.build(
    "commentanalyzer", "v1alpha1", developerKey=os.environ["KEY"], discoveryServiceUrl=url, static_discovery=False)
body = {"comment": {"text": os.environ["TEXT"]}, "requestedAttributes": {"TOXICITY": {}}}
alone = client.comments().analyze(body=body).execute()
found = {}
batch = client.new_batch_http_request()
for name in ("one", os.environ["TEXT"] * 30):
    request = client.comments().analyze(body=body)
    batch.add(request, request_id=name, callback=lambda name, answer, error: found.__setitem__(name, answer))
batch.execute()
assert len(found) == 2 and all(answer == alone for answer in found.values()), found
suggested = {"comment": {"text": "x"}, "attributeScores": {"TOXICITY": {"summaryScore": {"value": 0}}}}
assert client.comments().suggestscore(body=suggested).execute()["detectedLanguages"]
print(alone["attributeScores"]["TOXICITY"]["summaryScore"]["value"])
""",
    ),
    "perspective (PyPI)": _python(
        "perspective==1.0.3",
        """
import os
from perspective import PerspectiveAPI
client = PerspectiveAPI(os.environ["KEY"])
client.api_client.url = os.environ["BASE"] + "/v1alpha1/{endpoint}"
answer = client.analyze_comment(os.environ["TEXT"], span_annotations=True, client_token="t", do_not_store=True)
assert answer["clientToken"] == "t"
print(answer["attributeScores"]["TOXICITY"]["summaryScore"]["value"])
""",
    ),
    "PyPerspective (PyPI)": _python(
        "PyPerspective==1.0.4",
        """
import os
import PyPerspective.Perspective as module
module.base_url = os.environ["BASE"] + "/v1alpha1/comments:analyze"
client = module.Perspective(os.environ["KEY"])
(attribute,) = client.get_score(os.environ["TEXT"], tests=["TOXICITY"], langs=["en"]).attributes
assert attribute.spans
print(attribute.score)
try:
    module.Perspective("a key of nobody")
except Exception as error:
    assert type(error).__name__ == "InvalidAuthKey", error
""",
    ),
    "perspectiveapi (PyPI)": _python(
        "perspectiveapi==1.1.0",
        """
import os
from perspective.blocking import Perspective
print(Perspective(os.environ["KEY"]).score(os.environ["TEXT"]).toxicity)
""",
        redirect=True,
    ),
    "perspective.py (PyPI)": _python(
        "perspective.py==0.3.4 pysocks",
        """
import os
import perspective
client = perspective.Client(os.environ["KEY"])
answer = client.analyze(os.environ["TEXT"])
assert len(answer) == 6, answer
print(answer["TOXICITY"] / 100)
try:
    perspective.Client("nobodys-key")
except perspective.errors.InvalidToken:
    pass
""",
        redirect=True,
    ),
    "googleapis (npm)": Client(
        ("npm install --silent --no-save googleapis@188.0.0",),
        "node ask.js",
        (
            "ask.js",
            """
const {google} = require("googleapis");
(async () => {
  const client = await google.discoverAPI(process.env.BASE + "/$discovery/rest?version=v1alpha1");
  const resource = {comment: {text: process.env.TEXT}, requestedAttributes: {TOXICITY: {}}, languages: ["en"]};
  const answer = await client.comments.analyze({key: process.env.KEY, resource});
  console.log(answer.data.attributeScores.TOXICITY.summaryScore.value);
})();
""",
        ),
    ),
    "perspective-api-client (npm)": Client(
        ("npm install --silent --no-save perspective-api-client@3.1.0",),
        "node ask.js",
        (
            "ask.js",
            """
const Perspective = require("perspective-api-client");
(async () => {
  const answer = await new Perspective({apiKey: process.env.KEY}).analyze(process.env.TEXT);
  console.log(answer.attributeScores.TOXICITY.summaryScore.value);
})();
""",
        ),
        redirect=True,
    ),
    "commentanalyzer (Go)": Client(
        ("go build -mod=mod -o client .",),
        "./client",
        (
            "main.go",
            """
package main

import (
	"context"
	"encoding/json"
	"os"

	commentanalyzer "google.golang.org/api/commentanalyzer/v1alpha1"
	"google.golang.org/api/option"
)

func main() {
	service, err := commentanalyzer.NewService(context.Background(),
		option.WithEndpoint(os.Getenv("BASE")+"/"), option.WithAPIKey(os.Getenv("KEY")))
	if err != nil {
		panic(err)
	}
	answer, err := service.Comments.Analyze(&commentanalyzer.AnalyzeCommentRequest{
		Comment:             &commentanalyzer.TextEntry{Text: os.Getenv("TEXT")},
		Languages:           []string{"en"},
		RequestedAttributes: map[string]commentanalyzer.AttributeParameters{"TOXICITY": {}},
	}).Do()
	if err != nil {
		panic(err)
	}
	json.NewEncoder(os.Stdout).Encode(answer.AttributeScores["TOXICITY"].SummaryScore.Value)
}
""",
        ),
        files=(("go.mod", "module client\n\ngo 1.21\n\nrequire google.golang.org/api v0.20.0\n"),),
    ),
    "perspective_api (Rust)": Client(
        ("cargo build --quiet",),
        "target/debug/client",
        (
            "src/main.rs",
            """
use perspective_api::client::PerspectiveClient;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let client = PerspectiveClient::new(&std::env::var("KEY").unwrap());
    let text = std::env::var("TEXT").unwrap();
    let wanted = serde_json::json!({"comment": {"text": text}, "requestedAttributes": {"TOXICITY": {}}});
    let answer = client.analyze(serde_json::from_value(wanted).unwrap()).await.unwrap();
    let document = serde_json::to_value(answer).unwrap();
    println!("{}", document["attributeScores"]["TOXICITY"]["summaryScore"]["value"]);
}
""",
        ),
        redirect=True,
        files=(
            (
                "Cargo.toml",
                """
[package]
name = "client"
version = "0.1.0"
edition = "2021"

[dependencies]
perspective_api = "=1.0.0"
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt"] }
""",
            ),
        ),
    ),
}


class Served(Struct, frozen=True):
    """A server, as clients need to know it."""

    url: str
    key: str
    proxy: str
    authority: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("serve")
    key = KeysFile(folder / "keys.json").add("clients", per_minute=0, created_at=AT)
    command = [sys.executable, "-m", "infra", "serve", "--port", "0", "--processes", "1", "--json"]
    command += ["--keys", str(folder / "keys.json"), "--access-log", str(folder / "log")]
    command += ["--redirect", str(folder / "redirect"), "--redirect-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Served(told["url"], key, told["proxy"], told["authority"])
        process.terminate()
    assert "idiot" not in (folder / "log").read_text()


@pytest.fixture(scope="module")
def clients_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = os.environ.get("STREAMKEEPER_CLIENTS")
    return Path(given) if given else tmp_path_factory.mktemp(".clients")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_gets_its_score(name: str, served: Served, clients_folder: Path) -> None:
    client = CLIENTS[name]
    folder = clients_folder / name.replace(" ", "-").replace("(", "").replace(")", "")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in (client.program, *client.files):
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text(text)
    if not (folder / ".installed").exists():
        for command in client.install:
            subprocess.run(command, shell=True, cwd=folder, check=True, timeout=600)
        (folder / ".installed").touch()
    environment = {**os.environ, "KEY": served.key, "TEXT": TEXT}
    if client.redirect:
        trusting = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HTTPLIB2_CA_CERTS", "NODE_EXTRA_CA_CERTS")
        environment |= {
            "HTTPS_PROXY": served.proxy,
            "https_proxy": served.proxy,
            **dict.fromkeys(trusting, served.authority),
        }
    else:
        environment["BASE"] = served.url
    answer = subprocess.run(
        client.run, shell=True, cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert 0.5 < float(answer.stdout.split()[-1]) <= 1
