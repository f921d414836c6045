"""`python -m harness.gateway` and its client: a real process on loopback."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import psutil
import pytest
from gateways import (
    ASK,
    ENTRA,
    HELLO,
    HOST,
    PATH,
    TestRun,
    a_gateway,
    an_order,
    eventually,
    exchange,
    hear,
    log_of,
    request,
    say,
    status_of,
)

from harness.errors import GatewayError
from harness.gateway.client import GatewayAddress, GatewayClient, GatewayProcess
from harness.model import ArrivalKind

OWNER = """
import sys, time
from pathlib import Path
from harness.gateway.client import GatewayProcess
print(GatewayProcess.start(Path(sys.argv[1])).address.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    with a_gateway(tmp_path_factory.mktemp("gateway")) as process:
        yield process
        assert GatewayClient(process.address).health().faults == 0, log_of(process)


@pytest.fixture
def run(gateway):
    opened = TestRun(gateway, an_order(also_hosts=("your-resource-name.services.ai.azure.com",)))
    yield opened
    opened.close()


# ---------------------------------------------------------------- what a sample does


def test_a_request_through_the_proxy_port_is_answered_and_journaled(run):
    """The recorded answer comes back, and the journal holds the request's exact bytes."""
    reply = run.ask()
    assert (reply.status, reply.json) == (200, HELLO)
    (arrival,) = run.arrivals
    assert (arrival.kind, arrival.scheme, arrival.host, arrival.port) == (ArrivalKind.REQUEST, "https", HOST, 443)
    assert (arrival.status, arrival.why, arrival.verdict) == (200, "", "")
    assert arrival.raw.startswith(b"POST /openai/v1/responses HTTP/1.1\r\n")
    assert arrival.raw.endswith(ASK)


def test_each_of_the_endpoints_hosts_is_answered_for(run):
    """So are other spellings of a host: upper case, the final dot, the port."""
    for host in (HOST, HOST.upper(), "your-resource-name.services.ai.azure.com"):
        assert run.ask(host=host).status == 200
    assert [arrival.host for arrival in run.arrivals] == [HOST, HOST, "your-resource-name.services.ai.azure.com"]
    for host in (f"{HOST}:443", f"{HOST}.", HOST.title()):
        key = run.credentials.api_key
        assert run.ask(headers={"Host": host, "api-key": key}).status == 200


def test_a_token_of_entra_id_signs_in(run):
    """Discovery, token, API: the journal has all three, in order, and the token as one that was requested."""
    path = f"/{run.credentials.tenant_id}/v2.0/.well-known/openid-configuration"
    assert run.ask(path, None, {}, host=ENTRA, method="GET").status == 200
    token = run.ask_token().json["access_token"]
    assert run.ask(headers={"authorization": f"Bearer {token}"}).status == 200
    assert run.ask(headers={"authorization": f"Bearer {run.credentials.given_token}"}).status == 200
    journal = run.client.peek(run.opened.id)
    assert [arrival.host for arrival in journal.arrivals] == [ENTRA, ENTRA, HOST, HOST]
    assert [(one.token, one.requested) for one in journal.tokens] == [
        (run.credentials.given_token, False),
        (token, True),
    ]


def test_curl_goes_through_with_the_certificate_authority(run, tmp_path):
    """A program of another make, told only the proxy and the certificate authority."""
    ca = tmp_path / "ca.pem"
    ca.write_text(run.gateway.address.ca_pem)
    command = ["curl", "-sS", "--proxy", f"http://127.0.0.1:{run.port()}", "--cacert", str(ca), "-d", ASK.decode()]
    command += ["-H", f"api-key: {run.credentials.api_key}", "-H", "Content-Type: application/json"]
    done = subprocess.run([*command, f"https://{HOST}{PATH}"], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert msgspec.json.decode(done.stdout) == HELLO


def test_a_client_that_does_not_trust_the_authority_is_a_broken_connection(run):
    """The journal names the host and says that the certificate was refused."""
    with run.tunnel() as raw, pytest.raises(ssl.SSLError):
        ssl.create_default_context().wrap_socket(raw, server_hostname=HOST)
    eventually(lambda: run.arrivals)
    (arrival,) = run.arrivals
    assert (arrival.kind, arrival.host, arrival.why) == (
        ArrivalKind.BROKEN,
        HOST,
        "the client refused the gateway's certificate: unknown ca",
    )


@pytest.mark.parametrize("listener", ["http", "tls"])
def test_standing_listeners_answer_under_any_host(run, listener):
    """Plain and over TLS, for `localhost`, an address, the endpoint's own name; Entra ID by its name."""
    names = ["localhost", "127.0.0.1", HOST]
    for name in names:
        raw = socket.create_connection(("127.0.0.1", run.port(listener)), 20)
        client = run.trust.wrap_socket(raw, server_hostname=name) if listener == "tls" else raw
        with client:
            key = run.credentials.api_key
            client.sendall(
                request(headers=(("api-key", key), ("Connection", "close"))).replace(HOST.encode(), name.encode())
            )
            assert status_of(hear(client)) == 200
    assert [(arrival.host, arrival.port) for arrival in run.arrivals] == [(name, run.port(listener)) for name in names]
    assert {arrival.scheme for arrival in run.arrivals} == {"https" if listener == "tls" else "http"}


def test_entra_id_is_there_on_a_standing_listener(run):
    """Its host name decides."""
    answer = say(
        run.port("http"),
        b"GET /common/discovery/instance HTTP/1.1\r\nHost: login.microsoftonline.com\r\nConnection: close\r\n\r\n",
    )
    assert b"tenant_discovery_endpoint" in answer


def test_a_fixed_key_is_taken(gateway):
    """A standing mock has the key that its owner chose."""
    run = TestRun(gateway, an_order(api_key="my-own-key"))
    assert run.credentials.api_key == "my-own-key"
    assert run.ask_plainly(headers={"authorization": "Bearer my-own-key"}).status == 200
    run.close()


def test_two_runs_at_once_share_nothing(gateway):
    """50 requests at once on two runs, each with the other's credentials every second time: nothing mixes."""
    one, two = (
        TestRun(gateway, an_order(exchanges=(exchange(of=1),))),
        TestRun(gateway, an_order(exchanges=(exchange(of=2),))),
    )

    def ask(number):
        here, there = (one, two) if number % 2 else (two, one)
        source = there if number % 4 < 2 else here
        secret = source.credentials.api_key if number % 8 < 4 else source.credentials.given_token
        reply = here.ask(headers={"authorization": f"Bearer {secret}", "x-number": str(number)})
        assert reply.status == (401 if source is there else 200)
        if source is here:
            assert reply.json == {"of": 1 if here is one else 2}

    with ThreadPoolExecutor(25) as pool:
        list(pool.map(ask, range(50)))
    for run, parity in ((one, 1), (two, 0)):
        numbers = sorted(int(arrival.raw.split(b"x-number: ")[1].split(b"\r\n")[0]) for arrival in run.arrivals)
        assert numbers == [number for number in range(50) if number % 2 == parity]
        run.close()


# ---------------------------------------------------------------- control


def test_closing_a_run_ends_everything_of_it(gateway):
    """The journal is handed over, the listeners and connections are gone, and the run is known no more."""
    run = TestRun(gateway, an_order())
    idle = run.tunnel()
    half = socket.create_connection(("127.0.0.1", run.port("http")), 20)
    half.sendall(b"POST /openai")
    eventually(lambda: GatewayClient(gateway.address).health().unfinished_bytes == 12)
    run.ask()
    journal = run.client.close_run(run.opened.id)
    assert [(arrival.kind, arrival.why) for arrival in journal.arrivals] == [
        (ArrivalKind.REQUEST, ""),
        *sorted(
            [
                (ArrivalKind.BROKEN, "the run was closed after 12 bytes of a head that had no end"),
                (ArrivalKind.BROKEN, "the run was closed during the TLS handshake"),
            ],
            key=lambda pair: [arrival.why for arrival in journal.arrivals].index(pair[1]),
        ),
    ]
    assert (hear(idle), hear(half)) == (b"", b"")
    idle.close()
    half.close()
    for listener in ("proxy", "http", "tls"):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", run.port(listener)), 20)
    with pytest.raises(GatewayError) as refused:
        run.client.close_run(run.opened.id)
    assert str(refused.value) == (
        f"gateway: DELETE /runs/{run.opened.id} was refused with 404: no run {run.opened.id!r} is open"
    )


@pytest.mark.parametrize("path", ["/health", "/ca", "/runs/x/journal"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer guess"}, {"Authorization": "Bearer "}])
def test_control_wants_its_token(gateway, path, headers):
    """Nothing is told without it."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.address.control_port, timeout=20)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    assert (response.status, response.read()) == (401, b'{"problem":"the control token is missing or wrong"}')
    connection.close()


def test_the_certificate_authority_can_be_asked_for(gateway):
    """The same that the process told its owner."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.address.control_port, timeout=20)
    connection.request("GET", "/ca", headers={"Authorization": f"Bearer {gateway.address.token}"})
    assert connection.getresponse().read().decode() == gateway.address.ca_pem
    connection.close()


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (b"", "the order can't be read: Input data was truncated"),
        (b"{}", "the order can't be read: Object missing required field `endpoint_host`"),
        (b"[" * 100_000, "the order can't be read: Expected `object`, got `array`"),
        (b'{"endpoint_host": "\xff"}', "the order can't be read: 'utf-8' codec can't decode byte 0xff"),
        (
            b'{"endpoint_host": "a.b", "models": [], "exchanges": [], "colour": 1}',
            "the order can't be read: Object contains unknown field `colour`",
        ),
    ],
)
def test_an_order_that_cant_be_read(gateway, order, words):
    """400, with what is wrong in it."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.address.control_port, timeout=20)
    connection.request("POST", "/runs", order, {"Authorization": f"Bearer {gateway.address.token}"})
    response = connection.getresponse()
    assert response.status == 400
    assert msgspec.json.decode(response.read())["problem"].startswith(words)
    connection.close()


ORDERS = {
    "endpoint_host, also_hosts: 'a b' is no host name": {"endpoint_host": "a b"},
    "endpoint_host, also_hosts: 'a.b:443' is no host name": {"also_hosts": ("a.b:443",)},
    "endpoint_host, also_hosts: no certificate can be made: Codepoint U+005F at position 2 of 'a_b' not allowed": {
        "endpoint_host": "a_b.c"
    },
    "base_path: '/v1' does not begin and end with '/'": {"base_path": "/v1"},
    "scope: 'x' does not end with '/.default'": {"scope": "x"},
    "api_key: it is not made of printable ASCII characters without spaces": {"api_key": "a b"},
    "proxy_port, http_port, tls_port: the run has no listener": {
        "proxy_port": None,
        "http_port": None,
        "tls_port": None,
    },
    "proxy_port, http_port, tls_port: a port is from 0 to 65535": {"http_port": 65_536},
    "exchanges: POST /openai/v1/tea: no operation of the API, which are POST /openai/v1/responses, "
    "POST /openai/v1/chat/completions": {"exchanges": (exchange("/openai/v1/tea"),)},
    "exchanges: POST /openai/v1/responses: 100 is no status of a response": {"exchanges": (exchange(status=100),)},
    "exchanges: POST /openai/v1/responses: 'X': 'a\\r\\nY: b' can't be sent as a header": {
        "exchanges": (exchange(headers={"X": "a\r\nY: b"}),)
    },
}


@pytest.mark.parametrize("words", ORDERS)
def test_an_order_that_cant_be_carried_out(gateway, words):
    """Refused in words that name the field."""
    with pytest.raises(GatewayError) as refused:
        GatewayClient(gateway.address).open_run(an_order(**ORDERS[words]))
    assert str(refused.value) == f"gateway: POST /runs was refused with 400: {words}"


def test_a_port_that_is_taken(gateway, run):
    """409, and nothing of the half-opened run is left."""
    runs = GatewayClient(gateway.address).health().runs
    with pytest.raises(GatewayError, match="refused with 409: a port can't be bound: "):
        GatewayClient(gateway.address).open_run(an_order(tls_port=run.port("http")))
    assert GatewayClient(gateway.address).health().runs == runs


def test_an_address_passes_as_builtins(gateway):
    """It is the same after a journey through strings and numbers."""
    fields = gateway.address.builtins()
    assert {type(value) for value in fields.values()} == {str, int}
    assert GatewayAddress.from_builtins(fields) == gateway.address


# ---------------------------------------------------------------- the process


def test_it_ends_when_its_owner_is_killed(tmp_path):
    """Nothing outlives an owner that could not clean up."""
    command = [sys.executable, "-c", OWNER, str(tmp_path / "gateway.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert psutil.pid_exists(pid)
        owner.send_signal(signal.SIGKILL)
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_ctrl_c_is_the_owners_business(tmp_path):
    """SIGINT changes nothing; SIGTERM and the end of its owner's pipe end it in good order."""
    with a_gateway(tmp_path) as gateway:
        run = TestRun(gateway, an_order())
        for _ in range(3):
            os.kill(gateway.address.pid, signal.SIGINT)
        assert run.ask().status == 200
        process = psutil.Process(gateway.address.pid)
        os.kill(gateway.address.pid, signal.SIGTERM)
        assert process.wait(20) == 0
        assert log_of(gateway) == ""


def test_stopping_is_not_held_up_by_clients(tmp_path):
    """Open connections and half requests do not keep it alive, and stopping twice is stopping."""
    gateway = a_gateway(tmp_path)
    run = TestRun(gateway, an_order())
    with run.tunnel(), socket.create_connection(("127.0.0.1", run.port("http"))) as half:
        half.sendall(b"POST")
        gateway.stop()
    gateway.stop()
    assert not psutil.pid_exists(gateway.address.pid)
    assert log_of(gateway) == ""


def test_a_gateway_that_is_gone_is_said_to_be(tmp_path):
    """The error names the process, shows its last lines, and says what to try."""
    gateway = a_gateway(tmp_path)
    gateway.stop()
    Path(gateway.address.log_path).write_text("gateway: something\ngateway: went wrong\n")
    with pytest.raises(GatewayError) as gone:
        GatewayClient(gateway.address).health()
    address = gateway.address
    assert str(gone.value) == (
        f"gateway: it is gone (process {address.pid}): nothing listens on port {address.control_port}\n"
        "  | gateway: something\n"
        "  | gateway: went wrong\n"
        f"  try: look at {address.log_path}, then run the command again"
    )


def test_a_gateway_that_is_silent_is_said_to_be(tmp_path):
    """A stopped process is waited for only so long, and can still be ended."""
    gateway = a_gateway(tmp_path)
    os.kill(gateway.address.pid, signal.SIGSTOP)
    with pytest.raises(GatewayError, match=r"no answer to GET /health for 0\.3 s"):
        GatewayClient(gateway.address, timeout_s=0.3).health()
    gateway.stop()
    assert not psutil.pid_exists(gateway.address.pid)


def test_a_gateway_that_cant_begin_says_why(gateway, tmp_path):
    """A taken control port, and a log that can't be written."""
    with pytest.raises(GatewayError) as refused:
        GatewayProcess.start(tmp_path / "second.log", control_port=gateway.address.control_port)
    assert str(refused.value).startswith(
        "gateway: it ended with exit code 2\n  | gateway: the control listener can't be bound"
    )
    with pytest.raises(GatewayError, match="it can't be started"):
        GatewayProcess.start(tmp_path / "nowhere" / "gateway.log")


@pytest.mark.parametrize(
    "line", [b"", b"\n", b"{}\n", b'{"token": 1}\n', b"\xff\n", b'{"token":"x","limits":{"colour":1}}\n']
)
def test_settings_that_cant_be_read(line):
    """Exit code 2, one line on standard error."""
    command = [sys.executable, "-m", "harness.gateway"]
    done = subprocess.run(command, input=line, capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith("gateway: the settings on standard input can't be read: ")
    assert done.stderr.count(b"\n") == 1


def test_no_credential_is_logged(tmp_path):
    """Whatever clients do, neither the control token nor a run's secrets appear on standard error."""
    with a_gateway(tmp_path) as gateway:
        run = TestRun(gateway, an_order())
        run.ask(body=b"\xff")
        run.ask(headers={"api-key": "wrong"})
        say(run.port("http"), b"POST / HTTP/1.1\r\napi-key: " + run.credentials.api_key.encode() + b"\r\n\r\n")
        log = log_of(gateway)
    for secret in (gateway.address.token, *run.credentials.secrets()):
        assert secret not in log
