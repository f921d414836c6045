"""How values depart from each other, in words."""

from __future__ import annotations

import pytest

from harness.contract.differences import Difference, differences, shortened


def told(expected: object, sent: object) -> list[tuple[str, str, str]]:
    return [(one.at, one.expected, one.got) for one in differences(expected, sent)]


@pytest.mark.parametrize(
    ("expected", "sent"),
    [
        ({}, {}),
        ({"a": 1, "b": [1, {"c": None}]}, {"b": [1, {"c": None}], "a": 1}),
        (1, 1.0),
        ({"temperature": 1.0}, {"temperature": 1}),
        ("日本", "日本"),
        ([], []),
        (None, None),
    ],
)
def test_equal_values_do_not_differ(expected, sent):
    """The order of members, and whether a number is written with a point, say nothing."""
    assert told(expected, sent) == []


@pytest.mark.parametrize(
    ("expected", "sent", "difference"),
    [
        ({"a": "x"}, {"a": "y"}, ("body.a", '"x"', '"y"')),
        ({"a": {"b": [{"c": "x"}]}}, {"a": {"b": [{"c": "y"}]}}, ("body.a.b[0].c", '"x"', '"y"')),
        ({"a": 1}, {"a": True}, ("body.a", "1", "true")),
        ({"a": 0}, {"a": False}, ("body.a", "0", "false")),
        ({"a": True}, {"a": 1}, ("body.a", "true", "1")),
        ({"a": True}, {"a": "true"}, ("body.a", "true", '"true"')),
        ({"a": 1}, {"a": "1"}, ("body.a", "1", '"1"')),
        ({"a": 1}, {"a": 2}, ("body.a", "1", "2")),
        ({"a": None}, {"a": 0}, ("body.a", "null", "0")),
        ({"a": "x"}, {"a": None}, ("body.a", '"x"', "null")),
        ({"a": "é"}, {"a": "e\u0301"}, ("body.a", '"é"', '"e\u0301"')),
        ({"a": []}, {"a": {}}, ("body.a", "[]", "{}")),
        ({"a": {}}, {"a": []}, ("body.a", "{}", "[]")),
        ({"a": "x"}, {}, ("body.a", '"x"', "nothing")),
        ({}, {"a": "x"}, ("body.a", "no such member", 'a: "x"')),
        ({"a": None}, {}, ("body.a", "null", "nothing")),
        ([1, 2, 3], [1, 2], ("body", "3 items", "2; not sent: [3]")),
        ([1], [1, 2, 3], ("body", "1 item", "3; beyond the documented ones: [2, 3]")),
        ([], [1], ("body", "0 items", "1; beyond the documented ones: [1]")),
        ([1], [], ("body", "1 item", "0; not sent: [1]")),
        ([1, 2], [1, 3], ("body[1]", "2", "3")),
        ({}, "text", ("body", "{}", '"text"')),
    ],
)
def test_one_difference(expected, sent, difference):
    """The place, what was documented, and what was sent: JSON as it prints."""
    assert told(expected, sent) == [difference]


@pytest.mark.parametrize(
    ("expected", "sent", "meant", "got"),
    [
        ("input", "inputs", "input", "inputs"),
        ("input", "imput", "input", "imput"),
        ("max_output_tokens", "max_tokens", "max_output_tokens", "max_tokens"),
        ("messages", "message", "messages", "message"),
        ("model", "Model", "model", "Model"),
    ],
)
def test_misspelt_member_is_one_difference(expected, sent, meant, got):
    """A member that is missing beside an unknown one of nearly its name is one difference, with the guess."""
    assert differences({expected: 1}, {sent: 1}) == (
        Difference(at=f"body.{got}", expected=meant, got=got, remedy=f"did you mean {meant!r}?", literal=got),
    )


def test_member_that_is_alike_but_beside_is_no_misspelling():
    """An unknown member beside the one that it looks like is one to remove."""
    (one,) = differences({"input": 1}, {"input": 1, "inputs": 1})
    assert (one.expected, one.remedy) == ("no such member", "remove 'inputs': the documented request doesn't have it")


def test_members_that_are_not_alike_are_two_differences():
    """A missing member and an unknown one without likeness have nothing to do with each other."""
    assert [one.remedy for one in differences({"model": 1}, {"temperature": 1})] == [
        "remove 'temperature': the documented request doesn't have it",
        "send 'model'",
    ]


def test_every_difference_is_told():
    """All differences, not the first."""
    expected = {"model": "a", "messages": [{"role": "user", "content": "x"}], "n": 1}
    sent = {"model": "b", "messages": [{"role": "human", "content": "y"}, {}], "zzz": 1}
    assert [one.at for one in differences(expected, sent)] == [
        "body.model",
        "body.messages[0].role",
        "body.messages[0].content",
        "body.messages",
        "body.zzz",
        "body.n",
    ]


@pytest.mark.parametrize(
    ("sent", "literal"), [("text", "text"), (5, "5"), (1.5, "1.5"), (True, "true"), (None, ""), ([1], ""), ({}, "")]
)
def test_literal_for_the_source(sent, literal):
    """What to look for in the sample: texts, numbers and truth values as they are, nothing of the rest."""
    (one,) = differences({"a": "x"}, {"a": sent})
    assert one.literal == literal


def test_place_can_be_named():
    """What is compared need not be a body."""
    assert differences({"a": 1}, {"a": 2}, "standard output")[0].at == "standard output.a"


def test_long_values_are_cut_in_the_middle():
    """Of a long value its beginning and its end are shown."""
    text = shortened("a" * 150 + "b" * 150)
    assert text == '"' + "a" * 99 + " … " + "b" * 99 + '"'
    assert shortened("a" * 198) == '"' + "a" * 198 + '"'


def test_values_are_quoted_before_they_are_cut():
    """What `quote` hides is hidden also where the cut would be."""
    secret = "s3cret" * 5
    (one,) = differences(
        {"a": 1}, {"a": "x" * 90 + secret + "y" * 300}, quote=lambda text: text.replace(secret, "<it>")
    )
    assert "<it>" in one.got
    assert "s3" not in one.got


def test_value_that_is_nested_too_deeply():
    """A value that can't be shown is said to be so."""
    value: list = []
    for _ in range(100_000):
        value = [value]
    assert shortened(value) == "a value that is nested too deeply to be shown"
    while value:  # take it apart, since taking it down at once is a recursion too
        value = value[0]
