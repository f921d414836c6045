"""The runs and their listeners."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable

from harness.gateway.control import Health, RunOpened, RunOrder
from harness.gateway.crowd import Crowd
from harness.gateway.limits import Limits
from harness.gateway.orders import why_wrong
from harness.gateway.problems import Problems
from harness.gateway.protocol import Connection
from harness.gateway.run import Door, Run, Site
from harness.gateway.tls import Authority
from harness.model import Journal

LOOPBACK = "127.0.0.1"
BACKLOG = 1024  # with the usual 100, a burst of connections waits a second for its second try


class OrderRefused(Exception):
    """A run can't be opened; why, in words, and the status that says so."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class _Open:
    """A run with what is bound for it."""

    def __init__(self, run: Run, crowd: Crowd) -> None:
        self.run = run
        self.crowd = crowd
        self.servers: list[asyncio.Server] = []

    def end(self) -> None:
        for server in self.servers:
            server.close()
        self.crowd.end("the run was closed")


class Gateway:
    """Opens runs, closes them, and ends what takes too long."""

    def __init__(self, limits: Limits, problems: Problems) -> None:
        self.limits = limits
        self.problems = problems
        self.certificates = Authority()
        self.everyone = Crowd(limits, limits.connections, problems)
        self._open: dict[str, _Open] = {}

    async def open_run(self, order: RunOrder) -> RunOpened:
        """Binds the run's listeners; whoever gets the answer can connect at once.

        Raises:
            OrderRefused: the order can't be carried out.
        """
        if len(self._open) >= self.limits.runs:
            raise OrderRefused(429, f"{self.limits.runs} runs are open; close one")
        wrong = why_wrong(order)
        if wrong:
            raise OrderRefused(400, wrong)
        try:
            run = Run(secrets.token_hex(8), order, self.limits, self.problems, self.certificates)
        except ValueError as error:  # idna's: a name that no certificate can hold
            raise OrderRefused(400, f"endpoint_host, also_hosts: no certificate can be made: {error}") from error
        opened = _Open(run, Crowd(self.limits, self.limits.connections_per_run, self.problems, self.everyone))
        standing = run.standing_offer() if order.tls_port is not None else None
        try:
            ports = (
                await self._bind(opened, order.proxy_port, lambda port: Connection(opened.crowd, Door(run, port))),
                await self._bind(
                    opened, order.http_port, lambda port: Connection(opened.crowd, Site(run, "http", None, port))
                ),
                await self._bind(
                    opened,
                    order.tls_port,
                    lambda port: Connection(opened.crowd, Site(run, "https", None, port), standing),
                ),
            )
        except OSError as error:
            opened.end()
            raise OrderRefused(409, f"a port can't be bound: {error.strerror or error}") from error
        except BaseException:
            opened.end()
            raise
        self._open[run.id] = opened
        proxy_port, http_port, tls_port = ports
        return RunOpened(
            id=run.id, credentials=run.credentials, proxy_port=proxy_port, http_port=http_port, tls_port=tls_port
        )

    def close_run(self, run_id: str) -> Journal | None:
        """Ends the run and everything that is connected to it; its journal, or None when there is no such run."""
        opened = self._open.pop(run_id, None)
        if opened is None:
            return None
        opened.end()
        return opened.run.frozen_journal()

    def journal(self, run_id: str) -> Journal | None:
        """The journal of an open run, as it is now."""
        opened = self._open.get(run_id)
        return opened.run.frozen_journal() if opened else None

    def health(self) -> Health:
        return Health(
            runs=len(self._open),
            connections=len(self.everyone),
            faults=self.problems.faults,
            unfinished_bytes=self.everyone.unfinished_bytes,
        )

    async def watch(self, *others: Crowd) -> None:
        """Ends connections whose time is over, those of the runs and of `others`, for ever."""
        limits = self.limits
        pause_s = max(0.02, min(1.0, min(limits.request_s, limits.idle_s, limits.write_s, limits.linger_s) / 4))
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(pause_s)
            for crowd in (self.everyone, *others):
                crowd.sweep(now())

    def end(self) -> None:
        """Closes every run."""
        for run_id in tuple(self._open):
            self.close_run(run_id)

    async def _bind(self, opened: _Open, port: int | None, connection: Callable[[int], Connection]) -> int | None:
        """The port of a new listener on loopback; None when none is asked for."""
        if port is None:
            return None
        bound = port
        server = await asyncio.get_running_loop().create_server(
            lambda: connection(bound), LOOPBACK, port, backlog=BACKLOG
        )
        opened.servers.append(server)
        bound = int(server.sockets[0].getsockname()[1])
        return bound
