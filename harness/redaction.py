"""Secrets out of text, by one list for checks, reports, journals and recordings."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from harness.model import Credentials, Journal


def secrets_of(credentials: Credentials, journal: Journal) -> dict[str, str]:
    """Every secret of a run → what it is: its credentials, and the tokens issued in it."""
    return {**{token.token: "Entra ID token" for token in journal.tokens}, **credentials.secrets()}


def redacted(text: str, secrets: Mapping[str, str]) -> str:
    """`text` with each secret, in any of its spellings, replaced by what it is: `<API key>`.

    To be done before a text is cut: of half a secret nothing would be found.
    """
    for secret in sorted(secrets, key=len, reverse=True):  # a secret may stand within another
        for spelling in spellings(secret):
            text = text.replace(spelling, f"<{secrets[secret]}>")
    return text


def quoted(text: str, secrets: Mapping[str, str], limit: int | None = None) -> str:
    """`text` as reports may hold it: redacted, then cut to `limit` characters, and without lone surrogates."""
    text = redacted(text, secrets).encode("utf-8", "backslashreplace").decode("utf-8")
    return text if limit is None or len(text) <= limit else text[: limit - 1] + "…"


def found_in(text: str, secrets: Mapping[str, str]) -> tuple[str, ...]:
    """What the secrets are that stand in `text`, in any of their spellings; each kind once, by name."""
    return tuple(sorted({what for secret, what in secrets.items() if any(one in text for one in spellings(secret))}))


@lru_cache(maxsize=64)  # a run has a handful of secrets, and looks for each in every text
def spellings(secret: str) -> tuple[str, ...]:
    """`secret` as it is, percent-encoded, and in base64, also behind other bytes (`name:secret`)."""
    encoded = quote(secret, safe="", errors="replace")
    # Some encoders take "~" for reserved, as RFC 1738 did.
    percent = (encoded, encoded.replace("~", "%7E"), encoded.replace("~", "%7e"))
    return tuple(dict.fromkeys((secret, *percent, *_in_base64(secret.encode("utf-8", "surrogateescape")))))


def _in_base64(secret: bytes) -> list[str]:
    """The characters that any base64 text holds which `secret` stands in, by how many bytes precede it modulo 3."""
    found = []
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret).decode("ascii")
        whole = text[(before * 8 + 5) // 6 : (before + len(secret)) * 8 // 6]
        if len(whole) >= 8:  # fewer would be found by chance
            found += [whole, whole.replace("+", "-").replace("/", "_")]
    return found
