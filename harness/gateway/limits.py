"""What one client, one run and one gateway may cost."""

from __future__ import annotations

from harness.model import Value

KIB = 1024
MIB = 1024 * 1024


class Limits(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every limit, with the values that the gateway runs with; tests set shorter ones."""

    head_bytes: int = 64 * KIB
    body_bytes: int = 8 * MIB  # as sent, the framing of chunks included
    chunks: int = 32_768  # of one body; more is a way to burn time, not to send something
    request_s: float = 20.0  # from a request's first byte to its last; also of a TLS handshake
    idle_s: float = 60.0  # of a connection between requests
    write_s: float = 20.0  # that a client may leave its answers unread
    linger_s: float = 2.0  # that a connection is read from after its last answer, so that the answer arrives
    write_buffer_bytes: int = 256 * KIB  # of one connection's unread answers before it is read from no more
    connections_per_run: int = 64
    connections: int = 2_048
    unfinished_bytes: int = 32 * MIB  # of all requests together that are not complete
    journal_arrivals: int = 1_000
    journal_bytes: int = 16 * MIB
    tokens: int = 1_000  # remembered of one run; beyond it the oldest is forgotten
    runs: int = 256
