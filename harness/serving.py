"""The gateway alone: for anybody's client, or for one sample's run by hand."""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from harness.catalogue import command_of
from harness.cells import requests_as_sent
from harness.errors import RunnerError, UsageError
from harness.gateway.control import RunOpened, RunOrder
from harness.model import Arrival, ArrivalKind, Catalogue, RecordedExchange, Sample
from harness.runners import Door
from harness.runners.environment import language_variables, proxy_variables, scenario_variables
from harness.session import Session
from harness.settings import Settings

#: Seconds between looks at what has arrived.
LOOK_S = 0.5
UNAUTHORIZED = 401


def serve_until_interrupted(
    settings: Settings,
    ambient: Mapping[str, str],
    loaded: Catalogue,
    http_port: int,
    tls_port: int,
    proxy_port: int,
    key: str | None,
) -> None:
    """Serve every scenario's recording on three listeners, until Ctrl-C; print how to point a client at them."""
    order = _standing_order(loaded, http_port, tls_port, proxy_port, key)
    with Session.start(settings, ambient) as session:
        opened = session.gateway.open_run(order)
        print(_directions(loaded, order, opened, session.ca_pem), flush=True)
        shown = 0
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                arrivals = session.gateway.peek(opened.id).arrivals
                for arrival in arrivals[shown:]:
                    print(_line(arrival), flush=True)
                shown = len(arrivals)
                time.sleep(LOOK_S)
        print("\nended")


def serve_command(settings: Settings, ambient: Mapping[str, str], sample: Sample, command: tuple[str, ...]) -> int:
    """Run `command` in this folder, in the environment of the sample's run; print what arrived. Its exit code."""
    if not command:
        remedy = f"conform serve --sample {sample.id} -- {shlex.join(command_of(sample, sample.language.run))}"
        raise UsageError("no COMMAND was given", "--sample ID -- COMMAND…", "nothing after --", remedy)
    code = 130  # of a command that Ctrl-C ended
    with Session.start(settings, ambient) as session:
        ready = session.prepare(sample.language)
        with session.folder_for(sample) as folder, session.opened(sample.scenario) as run:
            for name in ("home", "tmp"):
                (folder / name).mkdir()
            environment = session.runner.environment(sample, ready, folder, run.credentials, run.door)
            try:
                code = subprocess.run(command, env=environment, check=False).returncode
            except KeyboardInterrupt:
                pass
            except OSError as error:
                problem = f"can't be started: {error.strerror or error}"
                raise RunnerError(command[0], problem, "a program on PATH, or in the language's workspace") from error
    print(f"\nexit code {code}; what arrived at the gateway:")
    for text in requests_as_sent(run.journal, run.credentials):
        print(text)
    for arrival in run.journal.arrivals:
        if arrival.kind is not ArrivalKind.REQUEST:
            print(_line(arrival))
    return code


def _standing_order(loaded: Catalogue, http_port: int, tls_port: int, proxy_port: int, key: str | None) -> RunOrder:
    """One run that knows every scenario: of those with the same path, the first by name answers."""
    hosts = list(dict.fromkeys(urlsplit(one.endpoint).hostname or "" for one in loaded.scenarios))
    exchanges: dict[tuple[str, str], RecordedExchange] = {}
    for scenario in loaded.scenarios:
        for exchange in scenario.recording.exchanges[:1]:
            exchanges.setdefault((exchange.request.method, exchange.request.path), exchange)
    models = dict.fromkeys(str(one.request.body.get("model", "")) for one in loaded.scenarios)
    return RunOrder(
        endpoint_host=hosts[0],
        also_hosts=tuple(hosts[1:]),
        base_path=urlsplit(loaded.scenarios[0].endpoint).path,
        models=tuple(models),
        exchanges=tuple(exchanges.values()),
        api_key=key,
        http_port=http_port,
        tls_port=tls_port,
        proxy_port=proxy_port,
    )


def _directions(loaded: Catalogue, order: RunOrder, opened: RunOpened, ca_pem: Path) -> str:
    first = order.exchanges[0].request
    prompt = {key: first.body[key] for key in ("model", "input", "messages") if key in first.body}
    body = json.dumps(prompt, ensure_ascii=False).replace("'", "’")
    credentials = opened.credentials
    plain = f"http://127.0.0.1:{opened.http_port}{order.base_path}"
    path = first.path.removeprefix(order.base_path)
    door = Door(host="127.0.0.1", port=opened.proxy_port or 0, ca_pem=ca_pem)
    variables = dict(proxy_variables(door))
    for language in loaded.languages:
        variables |= language_variables(language, door)
    for scenario in loaded.scenarios:
        variables |= scenario_variables(scenario, credentials)
    exports = "\n".join(f"  export {name}={shlex.quote(value)}" for name, value in variables.items())
    return f"""\
The gateway is up; Ctrl-C ends it. It answers with recordings, for models {", ".join(order.models)}.

A client of your own:
  base URL      {plain}
  or by TLS     https://localhost:{opened.tls_port}{order.base_path}
  API key       {credentials.api_key}
  CA (for TLS)  {ca_pem}

  curl {plain}{path} -H 'content-type: application/json' \\
    -H 'api-key: {credentials.api_key}' -d '{body}'

An unmodified sample, which calls https://{order.endpoint_host}{order.base_path}:
{exports}

What arrives:"""


def _line(arrival: Arrival) -> str:
    first = arrival.raw.partition(b"\r\n")[0].decode("latin-1")
    refused = "the credential is missing, or not this gateway's" if arrival.status == UNAUTHORIZED else ""
    told = refused or arrival.verdict or arrival.why
    return f"  {arrival.status or '---'}  {arrival.host or '(no host)'}  {first}" + (f"  ({told})" if told else "")
