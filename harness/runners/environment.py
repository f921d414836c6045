"""The variables of one run: what a reader sets, and the way to the gateway."""

from __future__ import annotations

import msgspec

from harness.catalogue import filled
from harness.model import Credentials, Language, Scenario
from harness.runners import Door


def proxy_variables(door: Door) -> dict[str, str]:
    """The way to the gateway, for every program that asks its environment."""
    proxy = f"http://{door.host}:{door.port}"
    return dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), proxy)


def language_variables(language: Language, door: Door, workspace: str = "") -> dict[str, str]:
    """What a language's programs need in order to use the proxy and trust the gateway."""
    known = {"ca_pem": str(door.ca_pem), "proxy_host": door.host, "proxy_port": str(door.port), "workspace": workspace}
    return {name: filled(value, known) for name, value in language.environment.items()}


def scenario_variables(scenario: Scenario, credentials: Credentials) -> dict[str, str]:
    """What a reader of the scenario's samples sets, with a run's own credentials."""
    own = msgspec.structs.asdict(credentials)
    return {name: filled(value, own) for name, value in scenario.environment.items()}
