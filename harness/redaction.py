"""Secrets out of text, by one list for reports, journals and recordings."""

from __future__ import annotations

from harness.model import Credentials, Journal


def secrets_of(credentials: Credentials, journal: Journal) -> dict[str, str]:
    """Every secret of a run → what it is: its credentials, and the tokens issued in it."""
    return {**{token.token: "Entra ID token" for token in journal.tokens}, **credentials.secrets()}


def redacted(text: str, secrets: dict[str, str]) -> str:
    """`text` with each secret replaced by what it is: `<API key>`."""
    for secret in sorted(secrets, key=len, reverse=True):  # a secret may stand within another
        text = text.replace(secret, f"<{secrets[secret]}>")
    return text
