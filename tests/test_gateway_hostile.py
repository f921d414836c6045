"""Hostile clients against a real gateway: each costs itself and nobody else.

After every test another run on the same gateway answers a right request, and no fault was counted.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from gateways import (
    ASK,
    ENTRA,
    HELLO,
    HOST,
    PATIENCE_S,
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
from malformed import MALFORMED

from harness.gateway.client import GatewayClient
from harness.gateway.limits import MIB
from harness.model import Arrival, ArrivalKind
from harness.wire import parse_request

NAMES = [name for name, *_ in MALFORMED]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """As it is run, with its own limits."""
    with a_gateway(tmp_path_factory.mktemp("gateway")) as process:
        yield process


@pytest.fixture(scope="module")
def impatient(tmp_path_factory):
    """One that waits for nobody."""
    with a_gateway(tmp_path_factory.mktemp("gateway"), request_s=0.4, idle_s=0.8, write_s=0.4, linger_s=0.2) as process:
        yield process


@pytest.fixture(scope="module")
def bystanders(gateway, impatient):
    return TestRun(gateway, an_order()), TestRun(impatient, an_order())


@pytest.fixture(autouse=True)
def others_are_served(bystanders):
    """What this module promises, checked after each test."""
    yield
    for bystander in bystanders:
        before = len(bystander.arrivals)
        reply = bystander.ask()
        assert (reply.status, reply.json) == (200, HELLO)
        assert len(bystander.arrivals) == before + 1
        assert bystander.client.health().faults == 0, log_of(bystander.gateway)


@pytest.fixture
def run(gateway):
    opened = TestRun(gateway, an_order())
    yield opened
    opened.close()


@pytest.fixture
def short(impatient):
    opened = TestRun(impatient, an_order())
    yield opened
    opened.close()


def the_only(run: TestRun) -> Arrival:
    eventually(lambda: run.arrivals)
    (arrival,) = run.arrivals
    return arrival


def trusting_nobody() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


# ---------------------------------------------------------------- what is no HTTP


@pytest.mark.parametrize("name", NAMES)
def test_malformed_requests_inside_a_tunnel(run, name):
    """The client hears why in the service's envelope, the connection ends, and the journal has the bytes."""
    _, raw, status = MALFORMED[NAMES.index(name)]
    with run.trust.wrap_socket(run.tunnel(), server_hostname=HOST) as client:
        with contextlib.suppress(OSError):
            client.sendall(raw)
        answer = hear(client)
    assert status_of(answer) == status
    assert json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"]["code"] == str(status)
    arrival = the_only(run)
    assert (arrival.kind, arrival.host, arrival.status) == (ArrivalKind.BROKEN, HOST, status)
    assert arrival.why
    assert raw.startswith(arrival.raw)
    assert arrival.raw


@pytest.mark.parametrize("name", NAMES)
def test_malformed_requests_to_the_proxy_port(run, name):
    """The same on the port where CONNECT is expected, in plain words."""
    _, raw, status = MALFORMED[NAMES.index(name)]
    answer = say(run.port(), raw)
    assert status_of(answer) == status
    arrival = the_only(run)
    assert (arrival.kind, arrival.status) == (ArrivalKind.BROKEN, status)


def test_malformed_orders_to_the_control_port(gateway):
    """The control listener stands the same."""
    for _, raw, status in MALFORMED:
        assert status_of(say(gateway.address.control_port, raw)) == status


def test_a_tls_handshake_to_the_proxy_port(run):
    """A client that takes the proxy for the server is told apart from noise."""
    with socket.create_connection(("127.0.0.1", run.port()), PATIENCE_S) as raw, pytest.raises(ssl.SSLError):
        trusting_nobody().wrap_socket(raw, server_hostname=HOST)
    assert the_only(run).why.startswith("a TLS handshake came where plain HTTP was expected")


def test_an_origin_form_request_to_the_proxy_port(run):
    """A request that a server would be asked is answered 400, with words that say so."""
    answer = say(run.port(), request())
    assert status_of(answer) == 400
    arrival = the_only(run)
    assert (arrival.kind, arrival.status, arrival.raw) == (ArrivalKind.BROKEN, 400, request())
    assert arrival.why == (
        "this is a proxy: CONNECT was expected, not 'POST /openai/v1/responses', which a server would be asked"
    )


# ---------------------------------------------------------------- hosts


REFUSED = {
    "example.com:443": f"example.com is not a host of this run, which are {HOST} and {ENTRA}",
    "169.254.169.254:80": f"169.254.169.254 is not a host of this run, which are {HOST} and {ENTRA}",
    "[::1]:443": f"[::1] is not a host of this run, which are {HOST} and {ENTRA}",
    f"{HOST}.evil.example:443": f"{HOST}.evil.example is not a host of this run, which are {HOST} and {ENTRA}",
    f"{HOST}:80": f"{HOST} answers on port 443 alone, not on 80",
    f"{ENTRA}:8443": f"{ENTRA} answers on port 443 alone, not on 8443",
}


@pytest.mark.parametrize("target", REFUSED)
def test_connections_to_other_hosts_and_ports_are_refused(run, target):
    """403 with words; the journal has host, port and the CONNECT's bytes. Nothing leaves the machine."""
    raw = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode()
    answer = say(run.port(), raw)
    assert status_of(answer) == 403
    assert answer.endswith(f"\r\n\r\n{REFUSED[target]}\n".encode())
    host, _, port = target.rpartition(":")
    assert the_only(run) == Arrival(
        kind=ArrivalKind.REFUSED_HOST,
        scheme="https",
        host=host,
        port=int(port),
        raw=raw,
        at_s=the_only(run).at_s,
        status=403,
        why=REFUSED[target],
    )


@pytest.mark.parametrize(
    "target", ["", "/", "host", "host:", "host:x", "host:0", "host:99999", ":443", "a..:443/x", "user@host:443"]
)
def test_connects_that_name_no_host_and_port(run, target):
    """400, and a broken arrival."""
    assert status_of(say(run.port(), f"CONNECT {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())) == 400
    assert the_only(run).kind is ArrivalKind.BROKEN


@pytest.mark.parametrize(
    ("url", "host", "port", "why"),
    [
        (
            "http://169.254.169.254/metadata/identity/oauth2/token",
            "169.254.169.254",
            80,
            f"169.254.169.254 is not a host of this run, which are {HOST} and {ENTRA}",
        ),
        (f"http://{HOST.upper()}/openai/v1/responses", HOST, 80, f"{HOST} takes https alone, this was http"),
        (f"http://{HOST}:8080/", HOST, 8080, f"{HOST} takes https alone, this was http"),
        (f"https://{HOST}/", HOST, 443, f"{HOST} is reached by CONNECT alone"),
    ],
)
def test_plain_proxy_requests_are_refused(run, url, host, port, why):
    """Whatever the host: 403, and the journal has the whole request with its body."""
    raw = f"POST {url} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\n\r\nhello".encode()
    assert status_of(say(run.port(), raw)) == 403
    arrival = the_only(run)
    assert (arrival.kind, arrival.scheme, arrival.host, arrival.port) == (
        ArrivalKind.REFUSED_HOST,
        url.partition(":")[0],
        host,
        port,
    )
    assert (arrival.status, arrival.why, arrival.raw) == (403, why, raw)


@pytest.mark.parametrize("host", ["example.com", ENTRA, f"{HOST}:8443", "localhost"])
def test_a_host_header_that_differs_from_the_connection(run, host):
    """421: what was agreed for one host is not answered as another."""
    reply = run.ask(headers={"Host": host, "api-key": run.credentials.api_key})
    assert reply.status == 421
    arrival = the_only(run)
    assert (arrival.kind, arrival.host, arrival.status) == (ArrivalKind.REQUEST, HOST, 421)
    assert arrival.why == f"the connection is to {HOST}, the request is for {host}"


@pytest.mark.parametrize("name", [ENTRA, "example.com"])
def test_a_handshake_that_asks_for_another_host(run, name):
    """A client that does not compare names gets 421 to its request."""
    with trusting_nobody().wrap_socket(run.tunnel(), server_hostname=name) as client:
        client.sendall(request(headers=(("Connection", "close"),)))
        assert status_of(hear(client)) == 421
    assert the_only(run).why == f"the connection is to {HOST}, its TLS handshake asked for {name}"


@pytest.mark.parametrize("target", ["a:443", "foo", "http://", "http://user@host/", "ftp://a/b"])
def test_targets_that_name_no_path(run, target):
    """A request line inside the tunnel that no server takes is 400 or 421, never a fault."""
    with run.trust.wrap_socket(run.tunnel(), server_hostname=HOST) as client:
        client.sendall(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        assert status_of(hear(client)) in (400, 421)


# ---------------------------------------------------------------- TLS


@pytest.mark.parametrize(
    "garbage", [b"hello\r\n\r\n", b"\0" * 600, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\xff" * 70_000]
)
def test_garbage_where_tls_was_to_begin(run, garbage):
    """A broken arrival that names the host."""
    with run.tunnel() as client:
        with contextlib.suppress(OSError):
            client.sendall(garbage)
        hear(client)
    arrival = the_only(run)
    assert (arrival.kind, arrival.host, arrival.port, arrival.status) == (ArrivalKind.BROKEN, HOST, 443, None)
    assert "TLS" in arrival.why


def test_plain_http_where_tls_was_to_begin(run):
    """Told apart from other garbage."""
    with run.tunnel() as client:
        client.sendall(request())
        hear(client)
    assert the_only(run).why == "plain HTTP came where a TLS handshake was expected"


def test_a_client_that_leaves_during_the_handshake(run):
    """Before its first byte, and after half of them."""
    for sent in (b"", b"\x16\x03\x01"):
        with run.tunnel() as client:
            client.sendall(sent)
    eventually(lambda: len(run.arrivals) == 2)
    assert {arrival.why for arrival in run.arrivals} == {"the client closed the connection during the TLS handshake"}


def test_old_tls_is_not_agreed(run):
    """A client without TLS 1.2 is told apart."""
    context = trusting_nobody()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old versions are what this is about
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with run.tunnel() as raw, pytest.raises(ssl.SSLError):
        context.wrap_socket(raw, server_hostname=HOST)
    assert the_only(run).why == "TLS was not agreed: unsupported protocol"


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_handshake_that_comes_with_the_connect(run, step):
    """A client that does not wait for the answer to CONNECT loses no byte, in segments of any size."""
    came, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = run.trust.wrap_bio(came, out, server_hostname=HOST)
    with socket.create_connection(("127.0.0.1", run.port()), PATIENCE_S) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ssl.SSLWantReadError):
            session.do_handshake()
        first = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode() + out.read()
        for place in range(0, len(first), step):
            client.sendall(first[place : place + step])
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += client.recv(65_536)
        came.write(answer.partition(b"\r\n\r\n")[2])
        while True:
            try:
                session.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.sendall(out.read())
                came.write(client.recv(65_536))
        session.write(request(headers=(("api-key", run.credentials.api_key),)))
        client.sendall(out.read())
        while True:
            try:
                reply = session.read(65_536)
                break
            except ssl.SSLWantReadError:
                came.write(client.recv(65_536))
    assert status_of(reply) == 200


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    "sent",
    [b"P", b"POST /openai", request()[:-1], b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe"],
)
@pytest.mark.parametrize("listener", ["proxy", "http"])
def test_half_requests_end(short, listener, sent):
    """A request that never ends is answered 408, and noted with its bytes."""
    answer = say(short.port(listener), sent)
    assert status_of(answer) == 408
    arrival = the_only(short)
    assert (arrival.kind, arrival.status, arrival.raw) == (ArrivalKind.BROKEN, 408, sent)


def test_a_trickle_ends(short):
    """A byte now and then does not keep a request alive."""
    stop = threading.Event()
    with socket.create_connection(("127.0.0.1", short.port("http")), PATIENCE_S) as client:

        def trickle():
            for byte in request():
                if stop.wait(0.05):
                    return
                with contextlib.suppress(OSError):
                    client.sendall(bytes([byte]))

        thread = threading.Thread(target=trickle)
        thread.start()
        answer = hear(client)
        stop.set()
        thread.join()
    assert status_of(answer) == 408


def test_silence_ends(short):
    """A connection on which nothing comes is closed without a word or a note."""
    for listener in ("proxy", "http"):
        assert say(short.port(listener)) == b""
    assert short.arrivals == ()


def test_an_unfinished_handshake_ends(short):
    """A tunnel in which TLS never begins, or stops in the middle, is noted."""
    for sent in (b"", b"\x16\x03\x01\x02\x00\x01"):
        with short.tunnel() as client:
            client.sendall(sent)
            hear(client)
    assert [arrival.why for arrival in short.arrivals] == ["the TLS handshake was not complete after 0.4 s"] * 2


def test_a_client_that_never_reads_ends(impatient):
    """Its answers are not piled up for it, and it is noted."""
    run = TestRun(impatient, an_order(exchanges=(exchange(text="x" * 100_000),)))
    ask = request(headers=(("api-key", run.credentials.api_key),))
    with socket.create_connection(("127.0.0.1", run.port("http")), PATIENCE_S) as client:
        client.settimeout(5)
        with contextlib.suppress(OSError):
            for _ in range(20):
                client.sendall(ask * 200)
        eventually(lambda: run.arrivals[-1].why == "the client did not read its answers for 0.4 s")
    assert len(run.arrivals) < 400
    run.close()


def test_a_reset_in_the_middle_is_noted(run):
    """A client that resets its connection costs a line in the journal."""
    client = socket.create_connection(("127.0.0.1", run.port("http")), PATIENCE_S)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.sendall(b"POST /half")
    eventually(lambda: run.client.health().unfinished_bytes == 10)
    client.close()
    assert the_only(run).why == "the client reset the connection after 10 bytes of a head that had no end"


# ---------------------------------------------------------------- size and number


def test_many_requests_in_one_segment(run):
    """50 pipelined requests are 50 answers and 50 arrivals, each with its own bytes."""
    asks = [
        request(b'{"model":"gpt-4.1-nano","input":"%d"}' % n, (("api-key", run.credentials.api_key),))
        for n in range(49)
    ]
    asks.append(request(headers=(("api-key", run.credentials.api_key), ("Connection", "close"))))
    answer = say(run.port("http"), b"".join(asks))
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 50
    assert [arrival.raw for arrival in run.arrivals] == asks


def test_bodies_outside_the_contract_are_journaled_as_they_came(run):
    """Bad JSON, bad UTF-8, deep nesting: 400, and the bytes are there for the checks."""
    bodies = [
        b"{",
        b"\xff\xfe",
        b'{"model":"\xc3\x28"}',
        b"[" * 200_000,
        b"",
        b'{"model":"x","input":' + b"9" * 5000 + b"}",
    ]
    for body in bodies:
        assert run.ask(body=body).status in (400, 404)
    assert [parse_request(arrival.raw, "https", HOST).body for arrival in run.arrivals] == bodies
    assert all(arrival.verdict for arrival in run.arrivals if arrival.status == 400)


def test_a_body_at_the_limit_is_taken(run):
    """8 MiB are not too much."""
    body = b'{"model":"gpt-4.1-nano","input":"%b"}' % (b"x" * (8 * MIB - 35))
    assert len(body) == 8 * MIB
    assert run.ask(body=body).status == 200


def test_a_journal_has_its_limits(tmp_path):
    """What is over is answered all the same, and counted."""
    with a_gateway(tmp_path, journal_arrivals=5, journal_bytes=3000) as process:
        many, large = TestRun(process, an_order()), TestRun(process, an_order())
        assert [many.ask().status for _ in range(8)] == [200] * 8
        journal = many.client.close_run(many.opened.id)
        assert (len(journal.arrivals), journal.dropped) == (5, 3)
        assert journal.dropped_bytes == 3 * len(journal.arrivals[0].raw)
        large.ask(body=b"x" * 3000)
        large.ask()
        journal = large.client.close_run(large.opened.id)
        assert (len(journal.arrivals), journal.dropped) == (1, 1)
        assert journal.dropped_bytes > 3000


def test_connections_of_one_run_are_bounded(run, bystanders):
    """Of 300 at once some wait and the others are turned away; another run has room."""
    with contextlib.ExitStack() as held:
        clients = []
        for _ in range(300):
            with contextlib.suppress(OSError):
                clients.append(held.enter_context(socket.create_connection(("127.0.0.1", run.port()), PATIENCE_S)))
        eventually(lambda: run.client.peek(run.opened.id).arrivals)
        eventually(lambda: len(run.arrivals) == len(clients) - 64)
        assert run.client.health().connections <= 64 + 2
        assert {arrival.why for arrival in run.arrivals} == {"more than 64 connections at once"}
        assert bystanders[0].ask().status == 200
    eventually(lambda: run.client.health().connections == 0)
    assert run.ask().status == 200


def test_memory_is_bounded_under_large_bodies(run, gateway):
    """Whole and unfinished bodies of 8 MiB from 40 clients at once leave the process under 150 MB."""
    process = psutil.Process(gateway.address.pid)
    body = b'{"model":"gpt-4.1-nano","input":"%b"}' % (b"x" * (7 * MIB))
    whole = request(body, (("api-key", run.credentials.api_key), ("Connection", "close")))
    peak = 0

    def flood(number):
        nonlocal peak
        sent = whole if number % 2 else whole[:-MIB]
        with contextlib.suppress(OSError):
            answer = say(run.port("http"), sent, half_close=True)
            assert status_of(answer) in (200, 400, 503, None)
        peak = max(peak, process.memory_info().rss)

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(flood, range(160)))
    journal = run.client.peek(run.opened.id)
    assert journal.dropped_bytes > 100 * MIB
    assert sum(len(arrival.raw) for arrival in journal.arrivals) <= 16 * MIB
    eventually(lambda: run.client.health().unfinished_bytes == 0)
    assert process.memory_info().rss < 150 * MIB
    assert peak < 300 * MIB


def test_floods_of_short_connections(run):
    """2,000 connections that say something and go leave nothing behind."""

    def come(number):
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", run.port("http")), PATIENCE_S) as client,
        ):
            client.sendall((b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\0", b"", ASK)[number % 4])

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(come, range(2000)))
    eventually(lambda: run.client.health().connections == 0)
    process = psutil.Process(run.gateway.address.pid)
    assert process.num_fds() < 64


def test_closing_a_run_does_not_wait_for_its_clients(gateway):
    """64 clients in every stage of a request cost nothing when their run is closed."""
    run = TestRun(gateway, an_order())
    with contextlib.ExitStack() as held:
        for number in range(60):
            client = held.enter_context(run.tunnel())
            client.sendall((b"", b"\x16\x03", b"\x16\x03\x01\x02\x00\x01")[number % 3])
        run.close()
        assert GatewayClient(gateway.address).health().connections == 0
