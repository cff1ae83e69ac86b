"""Perspective's form, behaviour by behaviour, as its documented clients rely on it."""

import json
from typing import Any

import pytest

from consumers.scoring.service import ANALYZE, SUGGEST, Settings
from tests.fakes.scoring import KEY, Scoring

SIX = ("TOXICITY", "SEVERE_TOXICITY", "IDENTITY_ATTACK", "INSULT", "PROFANITY", "THREAT")
RUDE = "You are such a pathetic idiot."
KIND = "Thanks a lot for sharing these photos."
ERROR = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"


@pytest.fixture(scope="module")
def scoring() -> Scoring:
    return Scoring()


def refusal(document: Any, message: str, *, error_type: str | None = None) -> Any:
    error = document["error"]
    assert (error["code"], error["status"], error["message"]) == (400, "INVALID_ARGUMENT", message)
    if error_type is None:
        assert "details" not in error
        return None
    (detail,) = error["details"]
    assert (detail["@type"], detail["errorType"]) == (ERROR, error_type)
    return detail


def test_every_requested_attribute_comes_back_whole_under_its_name(scoring: Scoring) -> None:
    answer = scoring.analyze(RUDE, *SIX, languages=["en"])
    assert answer.keys() == {"attributeScores", "languages", "detectedLanguages"}
    assert answer["attributeScores"].keys() == set(SIX)
    for one in answer["attributeScores"].values():
        (span,) = one["spanScores"]
        assert (span["begin"], span["end"], span["score"]) == (0, len(RUDE), one["summaryScore"])
        assert one["summaryScore"]["type"] == "PROBABILITY"
        assert 0 <= one["summaryScore"]["value"] <= 1


def test_an_insult_scores_higher_than_thanks(scoring: Scoring) -> None:
    scores = [scoring.analyze(text)["attributeScores"]["TOXICITY"]["summaryScore"]["value"] for text in (KIND, RUDE)]
    assert scores[0] < 0.2 < 0.7 < scores[1]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("suck my dick", "SEXUALLY_EXPLICIT"),
        ("I will kill you", "THREAT"),
        ("what the fuck is this shit", "PROFANITY"),
        ("all muslims are filthy vermin", "IDENTITY_ATTACK"),
        ("You have won a prize, claim your gift card now", "SPAM"),
    ],
)
def test_each_attribute_finds_its_own(scoring: Scoring, text: str, name: str) -> None:
    found = scoring.analyze(text, name, languages=["en"])["attributeScores"][name]["summaryScore"]["value"]
    kind = scoring.analyze(KIND, name, languages=["en"])["attributeScores"][name]["summaryScore"]["value"]
    assert found > 0.5 > kind


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"content-type": "application/json"}])
def test_the_body_is_read_whatever_it_is_called_and_other_parameters_do_not_hurt(
    scoring: Scoring, headers: dict[str, str]
) -> None:
    body = {"comment": {"text": RUDE}, "requestedAttributes": {"INSULT": {}}}
    query = "alt=json&prettyPrint=false&$.xgafv=2&fields=languages&quotaUser=x&callback=y"
    answers = [
        scoring.send(path, body, query=query, headers=headers) for path in (ANALYZE, ANALYZE.replace(":", "%3A"))
    ]
    assert [one.status for one in answers] == [200, 200]
    assert answers[0].body == answers[1].body == scoring.send(ANALYZE, body).body


def test_without_languages_the_likeliest_one_is_used(scoring: Scoring) -> None:
    answer = scoring.analyze("Das ist nicht gut und ich mag es nicht")
    assert answer["languages"] == ["de"] == answer["detectedLanguages"][:1]


def test_given_languages_come_back_as_they_were_given(scoring: Scoring) -> None:
    answer = scoring.analyze("Das ist nicht gut", languages=["en-US", "de"])
    assert answer["languages"] == ["en-US", "de"]
    assert answer["detectedLanguages"] == ["de"]


def test_a_short_text_is_taken_for_the_default_language() -> None:
    assert Scoring().analyze("lol")["languages"] == ["en"]
    assert Scoring(settings=Settings(default_language="de")).analyze("lol")["languages"] == ["de"]


def test_what_does_not_score_changes_no_score(scoring: Scoring) -> None:
    more: dict[str, Any] = {
        "clientToken": "c-7",
        "sessionId": "s",
        "communityId": "forum",
        "doNotStore": True,
        "context": {"entries": [{"text": "one"}, {"text": "two", "type": "PLAIN_TEXT"}]},
    }
    answer = scoring.analyze(RUDE, languages=["en"], **more)
    assert answer.pop("clientToken") == "c-7"
    assert answer == scoring.analyze(RUDE, languages=["en"])


def test_scores_below_their_threshold_are_left_out_and_none_leaves_no_key(scoring: Scoring) -> None:
    wanted: dict[str, Any] = {"INSULT": {"scoreThreshold": 0}, "THREAT": {"scoreThreshold": 0.99}}
    assert list(scoring.analyze(KIND, requestedAttributes=wanted)["attributeScores"]) == ["INSULT"]
    del wanted["INSULT"]
    answer = scoring.analyze(KIND, requestedAttributes=wanted, languages=["en"])
    assert answer == {"languages": ["en"], "detectedLanguages": ["en"]}


def test_sentences_are_scored_by_themselves_where_that_is_asked(scoring: Scoring) -> None:
    text = "🙂🙂 Nice work! You absolute moron."
    answer = scoring.analyze(text, spanAnnotations=True, languages=["en"])["attributeScores"]["TOXICITY"]
    units = text.encode("utf-16-le")
    spans = [(one["begin"], one["end"]) for one in answer["spanScores"]]
    assert [units[2 * begin : 2 * end].decode("utf-16-le") for begin, end in spans] == [
        "🙂🙂 Nice work!",
        "You absolute moron.",
    ]
    kind, rude = (one["score"]["value"] for one in answer["spanScores"])
    assert kind < rude


@pytest.mark.parametrize(("key", "query"), [(None, ""), (None, "key="), (None, "alt=json&key=")])
def test_without_a_key_nobody_is_answered(scoring: Scoring, key: str | None, query: str) -> None:
    response = scoring.send(ANALYZE, {"comment": {"text": RUDE}}, key=key, query=query)
    error = json.loads(response.body)["error"]
    assert (response.status, error["status"]) == (403, "PERMISSION_DENIED")
    assert error["message"].startswith("Method doesn't allow unregistered callers")
    assert "details" not in error


def test_a_key_of_nobody_is_refused_before_anything_else_is_looked_at(scoring: Scoring) -> None:
    error = json.loads(scoring.send(ANALYZE, b"{nonsense", key="nobodys").body)["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["message"] == "API key not valid. Please pass a valid API key."
    assert error["details"][0]["reason"] == "API_KEY_INVALID"


@pytest.mark.parametrize("name", ["x-goog-api-key", "x-api-key", "authorization"])
def test_a_key_may_come_in_a_header(scoring: Scoring, name: str) -> None:
    value = f"Bearer {KEY}" if name == "authorization" else KEY
    body = {"comment": {"text": KIND}, "requestedAttributes": {"TOXICITY": {}}}
    assert scoring.send(ANALYZE, body, key=None, headers={name: value}).status == 200


@pytest.mark.parametrize(
    "body", [b"", b"  \n", b"{}", b'{"comment": {"text": ""}}', b'{"comment": {"text": " \\n\\t"}}']
)
def test_a_request_without_text_is_told_so(scoring: Scoring, body: bytes) -> None:
    document = json.loads(scoring.send(ANALYZE, body).body)
    refusal(document, "Comment must be non-empty.", error_type="COMMENT_EMPTY")


@pytest.mark.parametrize(("text", "size"), [("b" * 20_481, 20_481), ("ö" * 10_241, 20_482), ("🙂" * 5_121, 20_484)])
def test_a_text_is_measured_in_bytes(scoring: Scoring, text: str, size: int) -> None:
    scoring.analyze(text[:-1], languages=["en"])
    document = scoring.analyze(text, expected=400, languages=["en"])
    refusal(document, f"Comment text was too many bytes. Value ({size}) exceeded limit (20480).")


@pytest.mark.parametrize(("more", "field"), [({"languages": ["sv"]}, "requestedLanguages"), ({}, "detectedLanguages")])
def test_a_language_that_an_attribute_does_not_know_is_named_with_the_attribute(
    scoring: Scoring, more: dict[str, Any], field: str
) -> None:
    document = scoring.analyze("jag vill inte att du ska vara här", "INSULT", expected=400, **more)
    detail = refusal(
        document,
        "Attribute INSULT does not support request languages: sv",
        error_type="LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE",
    )
    assert detail["languageNotSupportedByAttributeError"] == {field: ["sv"], "attribute": "INSULT"}


def test_a_client_that_drops_what_is_refused_gets_its_scores_in_the_end(scoring: Scoring) -> None:
    names = list(SIX)
    text = "ты где и что это такое"
    while (document := json.loads(_analyze(scoring, text, names).body)).get("error"):
        names.remove(document["error"]["details"][0]["languageNotSupportedByAttributeError"]["attribute"])
    assert document["attributeScores"].keys() == {"TOXICITY", "INSULT"}
    dropped = scoring.analyze(text, *SIX, dropUnsupportedAttributes=True)
    assert dropped == document


def _analyze(scoring: Scoring, text: str, names: list[str]) -> Any:
    return scoring.send(ANALYZE, {"comment": {"text": text}, "requestedAttributes": {name: {} for name in names}})


def test_a_text_without_letters_has_no_language_unless_one_is_given(scoring: Scoring) -> None:
    refusal(scoring.analyze("12:30", expected=400), "Unable to detect language", error_type="LANGUAGE_DETECTION_FAILED")
    assert scoring.analyze("12:30", languages=["en"])["detectedLanguages"] == ["und"]


@pytest.mark.parametrize("name", ["CURIOSITY_EXPERIMENTAL", "FLIRTATION", "toxicity", "", "TOXICITY@6"])
def test_what_cannot_be_scored_is_refused_and_nothing_is_made_up(scoring: Scoring, name: str) -> None:
    document = scoring.analyze(RUDE, "TOXICITY", name, expected=400)
    refusal(document, f"Unknown requested attribute: {name}", error_type="INVALID_REQUEST")
    assert "attributeScores" not in document


@pytest.mark.parametrize(
    ("more", "message", "error_type"),
    [
        ({"requestedAttributes": {}}, "Missing requested_attributes", "NO_REQUESTED_ATTRIBUTES"),
        (
            {"comment": {"text": "x", "type": "HTML"}},
            "Currently, only 'PLAIN_TEXT' comments are supported",
            "INVALID_REQUEST",
        ),
        (
            {"requestedAttributes": {"INSULT": {"scoreType": "STD_DEV_SCORE"}}},
            "Requested score type STD_DEV_SCORE is not supported by attribute INSULT",
            "INVALID_REQUEST",
        ),
        (
            {"context": {"entries": [{"text": "a"}], "articleAndParentComment": {"article": {"text": "b"}}}},
            "Context can have either entries or article_and_parent_comment, but both fields were populated.",
            "INVALID_REQUEST",
        ),
    ],
)
def test_what_the_form_does_not_take_is_refused_in_its_words(
    scoring: Scoring, more: dict[str, Any], message: str, error_type: str
) -> None:
    refusal(scoring.analyze("a text", expected=400, **more), message, error_type=error_type)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b"null", ""),
        (b"\xff\xfe", ""),
        (b'{"comment": {"text": 5}}', "comment.text"),
        (b'{"comment": {"text": "x", "colour": "red"}}', "comment"),
        (b'{"comment": {"text": "x"}, "spanAnnotations": "perhaps"}', "spanAnnotations"),
        (b'{"comment": {"text": "x"}, "requestedAttributes": ["TOXICITY"]}', "requestedAttributes"),
        (b'{"comment": {"text": "x"}, "languages": [1]}', "languages[0]"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, ""),
    ],
)
def test_what_is_not_of_the_form_names_its_field_and_shows_no_content(
    scoring: Scoring, body: bytes, field: str
) -> None:
    response = scoring.send(ANALYZE, body)
    error = json.loads(response.body)["error"]
    assert (response.status, error["status"]) == (400, "INVALID_ARGUMENT")
    assert error["message"].startswith("Invalid JSON payload received. ")
    assert error["details"][0]["fieldViolations"][0].get("field", "") == field


def test_relaxed_json_and_single_values_are_read_as_they_are_meant(scoring: Scoring) -> None:
    wanted = scoring.analyze(RUDE, languages=["en"])
    for body in (
        '{comment: {text: "%s"}, languages: ["en"], requestedAttributes: {TOXICITY:{}} }',
        "{'comment': {'text': '%s',}, 'languages': 'en', 'requestedAttributes': {'TOXICITY': null,},}",
        '{"comment": {"text": "%s"}, "languages": "en", "requested_attributes": {"TOXICITY": {}}, "session_id": null}',
    ):
        response = scoring.send(ANALYZE, (body % RUDE).encode())
        assert json.loads(response.body) == wanted


def test_a_suggestion_is_answered_whatever_it_is_called_and_is_not_kept(scoring: Scoring) -> None:
    kept = len(scoring.submissions.taken)
    body = {
        "comment": {"text": KIND},
        "attributeScores": {"DELETED": {"summaryScore": {"value": 1}}},
        "clientToken": "c",
        "languages": ["en"],
        "communityId": "forum",
    }
    answer = json.loads(scoring.send(SUGGEST, body).body)
    assert answer == {"clientToken": "c", "requestedLanguages": ["en"], "detectedLanguages": ["en"]}
    assert len(scoring.submissions.taken) == kept


@pytest.mark.parametrize(
    "scores",
    [{}, {"TOXICITY": {}}, {"TOXICITY": {"spanScores": [{"begin": 0, "score": {"value": 1}}]}}, {"TOXICITY": 1}],
)
def test_a_suggestion_that_is_not_whole_is_refused(scoring: Scoring, scores: Any) -> None:
    response = scoring.send(SUGGEST, {"comment": {"text": KIND}, "attributeScores": scores})
    assert json.loads(response.body)["error"]["status"] == "INVALID_ARGUMENT"


def test_a_quota_that_is_used_up_is_told_with_the_limit() -> None:
    scoring = Scoring(left=1)
    scoring.analyze(KIND)
    response = scoring.send(ANALYZE, {"comment": {"text": KIND}, "requestedAttributes": {"TOXICITY": {}}})
    error = json.loads(response.body)["error"]
    assert (response.status, error["code"], error["status"]) == (429, 429, "RESOURCE_EXHAUSTED")
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    assert ("retry-after", "60") in response.headers


def test_texts_go_to_the_stream_with_their_scores_but_for_those_that_shall_not_be_stored() -> None:
    scoring = Scoring()
    scoring.analyze(RUDE, "INSULT", sessionId="s1", languages=["en"])
    scoring.analyze(RUDE, "INSULT", doNotStore=True)
    scoring.analyze("", expected=400)
    (one,) = scoring.submissions.taken
    assert (one.text, one.client, one.language, one.context["session_id"]) == (RUDE, "tests", "en", "s1")
    assert float(one.context["score.INSULT"]) > 0.7


def test_pages_may_ask_where_their_origin_is_allowed_and_nowhere_else() -> None:
    page = {"origin": "https://example.com", "access-control-request-headers": "content-type, x-goog-api-key"}
    closed, chosen, wide = (
        Scoring(settings=Settings(cors_origins=one)) for one in ((), ("https://example.com",), ("*",))
    )
    assert closed.send(ANALYZE, method="OPTIONS", headers=page).headers == ()
    allowed = dict(chosen.send(ANALYZE, method="OPTIONS", headers=page, key=None).headers)
    assert allowed["access-control-allow-origin"] == "https://example.com"
    assert "x-goog-api-key" in allowed["access-control-allow-headers"]
    assert dict(chosen.send(ANALYZE, headers={"origin": "https://evil.example"}).headers).keys() == {"content-type"}
    assert dict(wide.send(ANALYZE, headers=page).headers)["access-control-allow-origin"] == "*"


@pytest.mark.parametrize(("method", "path", "status"), [("GET", ANALYZE, 405), ("POST", "/v1alpha1/comments:x", 404)])
def test_other_methods_and_routes_are_refused_in_the_form(
    scoring: Scoring, method: str, path: str, status: int
) -> None:
    response = scoring.send(path, method=method)
    assert response.status == status
    assert json.loads(response.body)["error"]["code"] == status
