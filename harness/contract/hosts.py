"""Host names: the one of Entra ID, and what a name may hold."""

from __future__ import annotations

import re

#: Where every SDK asks for Entra ID tokens of the public cloud.
ENTRA_ID_HOST = "login.microsoftonline.com"

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)


def why_no_host_name(name: str) -> str:
    """Why DNS can't hold `name` as a host's name; empty when it can (RFC 1123 §2.1, RFC 1035 §2.3.4)."""
    if len(name) > 253:
        return f"a host name has at most 253 characters, this one has {len(name)}"
    for label in name.removesuffix(".").split("."):
        if not label:
            return "a host name has no empty part between its dots"
        if odd := sorted(set(re.sub(r"[A-Za-z0-9-]", "", label))):
            shown = " ".join(repr(one) for one in odd)
            return f"a host name holds letters, digits and hyphens, not {shown} as in {label!r}"
        if not _LABEL.fullmatch(label):
            return f"a part of a host name has 1 to 63 characters and no hyphen at its ends, unlike {label!r}"
    return ""
