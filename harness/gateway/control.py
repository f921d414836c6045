"""The messages of the control listener. JSON by msgspec; `bytes` are base64.

    GET    /health             → Health
    GET    /ca                 → the certificate authority, PEM
    POST   /runs               RunOrder → RunOpened
    GET    /runs/{id}/journal  → Journal, as it is now
    DELETE /runs/{id}          → Journal, frozen: the run's connections and listeners are gone

Every request carries `Authorization: Bearer TOKEN`. What is refused is answered with a ControlProblem.
"""

from __future__ import annotations

from harness.model import Credentials, RecordedExchange, Value

ENTRA_SCOPE = "https://cognitiveservices.azure.com/.default"


class RunOrder(Value, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a run is to answer, and on which listeners.

    A port is None for "no such listener", 0 for "any free one". All are bound on loopback.
    """

    endpoint_host: str  # "your-resource-name.openai.azure.com"
    base_path: str = "/openai/v1/"
    also_hosts: tuple[str, ...] = ()  # further names of the same endpoint
    models: tuple[str, ...]
    exchanges: tuple[RecordedExchange, ...]
    scope: str = ENTRA_SCOPE  # of the tokens that the API takes
    api_key: str | None = None  # None: a fresh one
    proxy_port: int | None = 0  # CONNECT, for unmodified programs
    http_port: int | None = None  # plain HTTP, for any Host
    tls_port: int | None = None  # TLS, for any Host


class RunOpened(Value, frozen=True, kw_only=True):
    id: str
    credentials: Credentials
    proxy_port: int | None
    http_port: int | None
    tls_port: int | None


class Health(Value, frozen=True, kw_only=True):
    runs: int
    connections: int
    faults: int  # exceptions inside the gateway since it started
    unfinished_bytes: int  # of requests that are not complete


class ControlProblem(Value, frozen=True, kw_only=True):
    problem: str


class Ready(Value, frozen=True, kw_only=True):
    """The line that `python -m harness.gateway` prints when it is bound."""

    control_port: int
    ca_pem: str
    pid: int
