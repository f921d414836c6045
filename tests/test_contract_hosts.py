"""Which names DNS can hold."""

from __future__ import annotations

import pytest

from harness.contract.hosts import why_no_host_name


@pytest.mark.parametrize(
    "name",
    [
        "your-resource-name.openai.azure.com",
        "YOUR-RESOURCE-NAME.openai.azure.com",
        "localhost",
        "a",
        "1.2.3.4",
        "xn--bcher-kva.example",
        "a--b.example",
        "x.example.",
        "a" * 63 + ".example",
        ".".join(["a" * 49] * 5),
    ],
)
def test_names_that_can_be(name):
    """Letters, digits and hyphens, in parts of at most 63 characters."""
    assert why_no_host_name(name) == ""


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "a host name has no empty part between its dots"),
        (".", "a host name has no empty part between its dots"),
        ("a..b", "a host name has no empty part between its dots"),
        ("a..", "a host name has no empty part between its dots"),
        (".a", "a host name has no empty part between its dots"),
        ("my_resource.x", "a host name holds letters, digits and hyphens, not '_' as in 'my_resource'"),
        ("<name>.x", "a host name holds letters, digits and hyphens, not '<' '>' as in '<name>'"),
        ("{name}.x", "a host name holds letters, digits and hyphens, not '{' '}' as in '{name}'"),
        ("bücher.example", "a host name holds letters, digits and hyphens, not 'ü' as in 'bücher'"),
        ("a b.x", "a host name holds letters, digits and hyphens, not ' ' as in 'a b'"),
        ("\u212a.x", "a host name holds letters, digits and hyphens, not '\u212a' as in '\u212a'"),
        ("-a.x", "a part of a host name has 1 to 63 characters and no hyphen at its ends, unlike '-a'"),
        ("a-.x", "a part of a host name has 1 to 63 characters and no hyphen at its ends, unlike 'a-'"),
        (
            "a" * 64 + ".x",
            f"a part of a host name has 1 to 63 characters and no hyphen at its ends, unlike '{'a' * 64}'",
        ),
        (".".join(["a" * 49] * 6), "a host name has at most 253 characters, this one has 299"),
    ],
)
def test_names_that_can_not_be(name, why):
    """What DNS can't hold is told with the reason (RFC 1123, section 2.1)."""
    assert why_no_host_name(name) == why
