"""Versions that never change, and aliases that point to them with weights."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.awslambda.versions import Alias

ARN = "arn:aws:lambda:us-east-1:000000000000:function:moderate"


def publish(rig, **body):
    return rig.request("POST", "/functions/moderate/versions", body)


def configure(rig, **body):
    return rig.request("PUT", "/functions/moderate/configuration", body)


def alias(rig, version="1", name="live", **more):
    return rig.request("POST", "/functions/moderate/aliases", {"Name": name, "FunctionVersion": version, **more})


@pytest.fixture
def two_versions(rig):
    """Version 1 answers, version 2 fails."""
    publish(rig)
    configure(rig, Handler="sample_lambda.fail")
    publish(rig)
    return rig


def test_a_version_keeps_what_the_function_was_when_it_was_published(two_versions):
    first = two_versions.request("GET", "/functions/moderate/configuration", query={"Qualifier": "1"})[2]
    second = two_versions.request("GET", "/functions/moderate:2/configuration")[2]
    assert (first["Version"], first["Handler"]) == ("1", "sample_lambda.handle")
    assert (second["FunctionArn"], second["Handler"]) == (f"{ARN}:2", "sample_lambda.fail")
    _, headers, answer = two_versions.request(
        "POST", "/functions/moderate/invocations", {"a": 1}, query={"Qualifier": "1"}
    )
    assert (headers["X-Amz-Executed-Version"], answer) == ("1", {"got": {"a": 1}})


def test_nothing_new_is_published_while_nothing_has_changed(rig):
    assert [publish(rig)[2]["Version"] for _ in range(2)] == ["1", "1"]
    configure(rig, Timeout=30)
    assert publish(rig)[2]["Version"] == "2"


def test_a_published_version_does_not_change(two_versions):
    status, headers, _ = two_versions.request("PUT", "/functions/moderate:1/configuration", {"Timeout": 5})
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")


def test_a_version_is_published_with_the_function_and_only_of_the_code_that_is_meant(rig):
    assert rig.function("other", Publish=True)[2]["Version"] == "1"
    status, headers, _ = publish(rig, CodeSha256="another")
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")


def test_an_alias_is_made_changed_listed_and_deleted(two_versions):
    status, _, made = alias(two_versions)
    assert (status, made["AliasArn"], made["FunctionVersion"]) == (201, f"{ARN}:live", "1")
    changed = two_versions.request(
        "PUT",
        "/functions/moderate/aliases/live",
        {"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}},
    )[2]
    assert changed["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.1}}
    assert two_versions.request("GET", "/functions/moderate/aliases")[2]["Aliases"] == [changed]
    plain = two_versions.request("PUT", "/functions/moderate/aliases/live", {"RoutingConfig": {}})[2]
    assert "RoutingConfig" not in plain
    assert two_versions.request("DELETE", "/functions/moderate/aliases/live")[0] == 204
    assert two_versions.request("GET", "/functions/moderate/aliases/live")[0] == 404


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"FunctionVersion": "9"}, 404),
        ({"Name": "7"}, 400),
        ({"Name": "no spaces"}, 400),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}}, 400),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"2": 1.5}}}, 400),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"2": "much"}}}, 400),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"9": 0.5}}}, 404),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"$LATEST": 0.5}}}, 400),
        ({"FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}}, 400),
    ],
)
def test_an_alias_that_cannot_be_is_refused(two_versions, more, status):
    body = {"Name": "live", "FunctionVersion": "1", **more}
    assert two_versions.request("POST", "/functions/moderate/aliases", body)[0] == status


def test_versions_of_an_alias_with_weights_have_one_role(two_versions):
    configure(two_versions, Role="arn:aws:iam::000000000000:role/other")
    publish(two_versions)
    assert alias(two_versions, RoutingConfig={"AdditionalVersionWeights": {"3": 0.1}})[0] == 400


def test_a_version_that_an_alias_points_to_stays(two_versions):
    alias(two_versions, "2")
    status, headers, _ = two_versions.request("DELETE", "/functions/moderate", query={"Qualifier": "2"})
    assert (status, headers["x-amzn-errortype"]) == (409, "ResourceConflictException")
    assert two_versions.request("DELETE", "/functions/moderate", query={"Qualifier": "1"})[0] == 204
    listed = two_versions.request("GET", "/functions/moderate/versions")[2]["Versions"]
    assert [one["Version"] for one in listed] == ["$LATEST", "2"]


def test_each_invocation_of_an_alias_goes_to_one_of_its_versions(two_versions):
    alias(two_versions, RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    chances = iter([0.1, 0.9, 0.49, 0.5])
    two_versions.functions.chance = lambda: next(chances)
    seen = []
    for _ in range(4):
        _, headers, _ = two_versions.request("POST", "/functions/moderate:live/invocations", {})
        seen.append((headers["X-Amz-Executed-Version"], "X-Amz-Function-Error" in headers))
    assert seen == [("2", True), ("1", False), ("2", True), ("1", False)]


@given(st.floats(0, 1), st.floats(0, 0.999))
def test_the_other_version_gets_its_share_and_no_more(weight, chance):
    assert (Alias(name="a", version="1", weights={"2": weight}).chosen(chance) == "2") == (chance < weight)


class Counted:
    def __init__(self):
        self.counts = Counter()

    def add(self, namespace, name, dimensions, value, unit="Count"):
        self.counts[name, tuple(dimensions.values())] += value


def test_an_alias_is_counted_beside_its_function_and_its_versions_while_it_has_weights(two_versions):
    counted = two_versions.functions._meter = Counted()
    alias(two_versions)
    two_versions.functions.invoke(f"{ARN}:live", b"{}")
    two_versions.request(
        "PUT", "/functions/moderate/aliases/live", {"RoutingConfig": {"AdditionalVersionWeights": {"2": 1.0}}}
    )
    two_versions.functions.invoke(f"{ARN}:live", b"{}")
    invocations = {places: count for (name, places), count in counted.counts.items() if name == "Invocations"}
    assert invocations == {
        ("moderate",): 2,
        ("moderate", "moderate:live"): 2,
        ("moderate", "moderate:live", "2"): 1,
    }


def test_a_mapping_on_an_alias_keeps_its_place_whichever_version_runs(two_versions):
    rig = two_versions
    alias(rig)
    uuid = rig.map(FunctionName=f"{ARN}:live")[2]["UUID"]
    assert rig.request("GET", f"/event-source-mappings/{uuid}")[2]["FunctionArn"] == f"{ARN}:live"

    def put(data):
        rig.kinesis.call("PutRecord", {"StreamName": "content", "Data": data, "PartitionKey": "k"})

    def run():
        for _ in range(20):
            rig.clock.time += 1
            rig.driver.run_once()

    put("YQ==")
    run()
    counters = rig.driver.entries[uuid].core.counters
    assert (counters.succeeded, rig.driver.idle()) == (1, True)
    rig.request("PUT", "/functions/moderate/aliases/live", {"FunctionVersion": "2"})
    put("Yg==")
    run()
    # The second record fails in version 2 again and again, and is still the next one when version 1 is back.
    assert not rig.driver.idle()
    rig.request("PUT", "/functions/moderate/aliases/live", {"FunctionVersion": "1"})
    for _ in range(5):
        run()
    assert (counters.succeeded, rig.driver.idle()) == (2, True)


def test_a_mapping_to_an_alias_that_is_not_there_is_refused(rig):
    assert rig.map(FunctionName=f"{ARN}:nobody")[0] == 400
