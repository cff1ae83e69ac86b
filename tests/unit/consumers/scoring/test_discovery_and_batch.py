"""What generic clients of Google's APIs need: the discovery document and batches."""

import json
from urllib.parse import quote

import pytest

from consumers.scoring import multipart
from consumers.scoring.discovery import document
from consumers.scoring.errors import FormError
from consumers.scoring.service import ANALYZE, BATCH, DISCOVERY
from tests.fakes.scoring import KEY, Scoring

TYPE = {"content-type": 'multipart/mixed; boundary="===7=="'}


def part(content_id: str, target: str, body: str, *, end: str = "\r\n") -> str:
    head = ["--===7==", "Content-Type: application/http", f"Content-ID: {content_id}", ""]
    inner = [f"POST {target} HTTP/1.1", "Content-Type: application/json", f"Content-Length: {len(body)}", "", body]
    return end.join([*head, *inner]) + end


def asking(text: str, name: str = "TOXICITY") -> str:
    return json.dumps({"comment": {"text": text}, "requestedAttributes": {name: {}}, "languages": ["en"]})


def answers(body: bytes, boundary: str) -> list[tuple[str, int, dict[str, object]]]:
    found = []
    for piece in body.decode().split(f"--{boundary}")[1:-1]:
        outer, inner, payload = piece.split("\r\n\r\n", 2)
        content_id = next(line.partition(": ")[2] for line in outer.split("\r\n") if line.startswith("Content-ID"))
        found.append((content_id, int(inner.split()[1]), json.loads(payload)))
    return found


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8700", "https://scores.example.com"])
def test_the_document_leads_back_to_where_it_was_asked_for(origin: str) -> None:
    response = Scoring().send(DISCOVERY, key=None, method="GET", query="version=v1alpha1", origin=origin)
    found = json.loads(response.body)
    assert found["rootUrl"] == f"{origin}/"
    assert (found["servicePath"], found["batchPath"]) == ("", "batch")
    assert {one["path"] for one in found["resources"]["comments"]["methods"].values()} == {
        "v1alpha1/comments:analyze",
        "v1alpha1/comments:suggestscore",
    }


def test_every_reference_of_the_document_leads_somewhere() -> None:
    found = document("http://localhost", ["TOXICITY"])
    names = set(found["schemas"])
    text = json.dumps(found)
    assert {piece.split('"')[0] for piece in text.split('"$ref": "')[1:]} <= names


def test_a_bad_key_is_told_where_the_document_is_asked_for() -> None:
    response = Scoring().send(DISCOVERY, key="nobodys", method="GET")
    assert json.loads(response.body)["error"]["details"][0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_batch_is_answered_part_by_part_each_with_its_own_id_and_status(end: str) -> None:
    target = f"{ANALYZE}?key={KEY}&alt=json"
    body = (
        part("<b1 + first>", target, asking("You idiot."), end=end)
        + part("<b1 + second>", f"https://example.com{target}", asking("x", "FOO"), end=end)
        + part("<b1 + third>", ANALYZE, asking("x"), end=end)
        + f"--===7==--{end}"
    )
    response = Scoring().send(BATCH, body.encode(), key=None, headers=TYPE)
    boundary = dict(response.headers)["content-type"].partition("boundary=")[2]
    assert response.status == 200
    assert response.texts == 1
    first, second, third = answers(response.body, boundary)
    assert first[:2] == ("<response-b1 + first>", 200)
    assert "attributeScores" in first[2]
    assert second[:2] == ("<response-b1 + second>", 400)
    assert third[:2] == ("<response-b1 + third>", 403)


def test_an_id_that_was_folded_over_lines_comes_back_on_one() -> None:
    long = quote("a text of some length " * 20)
    folded = f"<4f2c\r\n +\r\n {long}>"
    body = part(folded, f"{ANALYZE}?key={KEY}", asking("x")) + "--===7==--"
    response = Scoring().send(BATCH, body.encode(), key=None, headers=TYPE)
    assert f"Content-ID: <response-4f2c + {long}>\r\n".encode() in response.body


def test_an_answer_that_holds_the_boundary_is_not_torn() -> None:
    body = {**json.loads(asking("x")), "clientToken": "--batch_0 --batch_1"}
    raw = part("<1>", f"{ANALYZE}?key={KEY}", json.dumps(body)) + "--===7==--"
    response = Scoring().send(BATCH, raw.encode(), key=None, headers=TYPE)
    ((_, status, answer),) = answers(response.body, dict(response.headers)["content-type"].partition("boundary=")[2])
    assert (status, answer["clientToken"]) == (200, "--batch_0 --batch_1")


def test_each_part_counts_against_the_quota() -> None:
    scoring = Scoring(left=1)
    body = "".join(part(f"<{n}>", f"{ANALYZE}?key={KEY}", asking("x")) for n in range(2)) + "--===7==--"
    response = scoring.send(BATCH, body.encode(), key=None, headers=TYPE)
    boundary = dict(response.headers)["content-type"].partition("boundary=")[2]
    assert [status for _, status, _ in answers(response.body, boundary)] == [200, 429]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", "multipart/mixed; boundary=x"),
        (b"--x\r\n\r\nnonsense\r\n--x--", "multipart/mixed; boundary=x"),
        (b"{}", "application/json"),
        (b"{}", "multipart/mixed"),
        (b"--x--", "multipart/mixed; boundary=x"),
        (b"--x\r\n\r\nPOST / HTTP/1.1\r\n\r\n" * 1001 + b"--x--", "multipart/mixed; boundary=x"),
    ],
)
def test_what_is_no_batch_is_refused(body: bytes, content_type: str) -> None:
    response = Scoring().send(BATCH, body, headers={"content-type": content_type})
    assert response.status == 400
    assert json.loads(response.body)["error"]["status"] == "INVALID_ARGUMENT"


def test_a_thousand_parts_are_read() -> None:
    body = b"--x\r\n\r\nPOST /p?q HTTP/1.1\r\n\r\n{}\r\n" * 1000 + b"--x--"
    parts = multipart.read(body, b"x")
    assert len(parts) == 1000
    assert (parts[0].method, parts[0].path, parts[0].query, parts[0].body) == ("POST", "/p", "q", b"{}")
    with pytest.raises(FormError):
        multipart.read(b"--x\r\n\r\nPOST /p HTTP/1.1\r\n\r\n\r\n" + body, b"x")
