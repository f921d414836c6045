"""Secrets out of text."""

from __future__ import annotations

import base64

import pytest
from builders import CREDENTIALS, TOKEN, token

from harness.model import Credentials, Journal
from harness.redaction import found_in, quoted, redacted, secrets_of, spellings

SECRET = "Abc8Q~defghijklmnopqrst.uvwxyzAB_CDEFGHI"
NAMED = {SECRET: "client secret"}


def test_secrets_of_a_run():
    """Keys, secrets and every token are secrets; the ids of tenant and client are none."""
    journal = Journal(tokens=(token(CREDENTIALS.given_token, requested=False), token(TOKEN, requested=True)))
    assert secrets_of(CREDENTIALS, journal) == {
        CREDENTIALS.api_key: "API key",
        CREDENTIALS.client_secret: "client secret",
        CREDENTIALS.given_token: "given Entra ID token",
        TOKEN: "Entra ID token",
    }


def test_empty_credentials_are_no_secrets():
    """What a run doesn't have is not looked for: an empty text stands everywhere."""
    assert secrets_of(Credentials(), Journal()) == {}
    assert redacted("text", {}) == "text"


def test_redacted():
    """Each place of each secret says what was there."""
    text = f"a {SECRET} b {SECRET}"
    assert redacted(text, NAMED) == "a <client secret> b <client secret>"


def test_secret_within_another():
    """The longer of two secrets is replaced whole."""
    assert redacted("xx abcdefghij-klm", {"abcdefghij": "short", "abcdefghij-klm": "long"}) == "xx <long>"


@pytest.mark.parametrize("secret", [SECRET, SECRET[:-1], SECRET[:-2], "\xff\xfe" * 20])
def test_base64(secret):
    """A secret is found in base64 of either alphabet, wherever it stands in what was encoded."""
    texts = [
        f"{before}{secret}{after}".encode()
        for before in ("", "a", "ab", "abc", "user:")
        for after in ("", "z", "zz", "zzz", "\n")
    ]
    for encoded in (encode(text) for text in texts for encode in (base64.b64encode, base64.urlsafe_b64encode)):
        assert found_in(f"Basic {encoded.decode()}", {secret: "it"}) == ("it",)
        shown = redacted(f"Basic {encoded.decode()}", {secret: "it"})
        assert "<it>" in shown
        assert len(shown) <= len("Basic ") + len("<it>") + 20


@pytest.mark.parametrize("text", [SECRET.replace("~", "%7E"), SECRET.replace("~", "%7e")])
def test_percent_encoded(text):
    """A secret is found as addresses and forms spell it."""
    assert redacted(f"?key={text}&x", NAMED) == "?key=<client secret>&x"


def test_short_secret_is_not_looked_for_in_base64():
    """A few characters of base64 would be found by chance."""
    assert spellings("ab") == ("ab",)


def test_found_in():
    """What was found is named once, in order, never quoted."""
    secrets = {SECRET: "client secret", "b" * 20: "API key", "c" * 20: "API key"}
    assert found_in(f"{'c' * 20} {SECRET} {'b' * 20}", secrets) == ("API key", "client secret")
    assert found_in("nothing", secrets) == ()


def test_quoted_is_redacted_before_it_is_cut():
    """A secret at the place of the cut leaves no half."""
    assert quoted("x" * 10 + SECRET, NAMED, 20) == "x" * 10 + "<client s…"
    assert quoted("short", NAMED, 5) == "short"


def test_quoted_can_be_written():
    """Lone surrogates are spelled out."""
    assert quoted("a\ud800b", {}) == r"a\ud800b"
