"""The control listener: who knows its token may open and close runs."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable

import msgspec

from harness.gateway.answers import Answer, answer, json_answer
from harness.gateway.control import ControlProblem, RunOrder
from harness.gateway.names import read_target
from harness.gateway.protocol import Handler
from harness.gateway.reading import Incoming
from harness.gateway.server import Gateway, OrderRefused


class Control(Handler):
    """Answers one control connection."""

    def __init__(self, gateway: Gateway, token: str) -> None:
        self._gateway = gateway
        self._token = f"Bearer {token}".encode()

    def answer(self, request: Incoming) -> Answer | Awaitable[Answer]:
        if not secrets.compare_digest(request.headers.get(b"authorization", b""), self._token):
            return _problem(401, "the control token is missing or wrong")
        target = read_target(request.target)
        parts = target.path.strip("/").split("/") if target else []
        match request.method, *parts:
            case ["GET", "health"]:
                return json_answer(200, self._gateway.health())
            case ["GET", "ca"]:
                pem = self._gateway.certificates.pem.encode("ascii")
                return answer(200, (("content-type", "application/x-pem-file"),), pem)
            case ["POST", "runs"]:
                return self._opened(request.body)
            case ["GET", "runs", run_id, "journal"]:
                return _found(run_id, self._gateway.journal(run_id))
            case ["DELETE", "runs", run_id]:
                return _found(run_id, self._gateway.close_run(run_id))
        return _problem(404, f"no such request: {request.method} {request.target[:80]}")

    def broken(self, raw: bytes, status: int | None, why: str) -> Answer | None:
        return _problem(status, f"{why}; {len(raw)} bytes came") if status else None

    async def _opened(self, body: bytes) -> Answer:
        try:
            order = msgspec.json.decode(body, type=RunOrder)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _problem(400, f"the order can't be read: {error}")
        try:
            return json_answer(201, await self._gateway.open_run(order))
        except OrderRefused as refused:
            return _problem(refused.status, str(refused))


def _found(run_id: str, journal: object) -> Answer:
    return _problem(404, f"no run {run_id[:80]!r} is open") if journal is None else json_answer(200, journal)


def _problem(status: int, words: str) -> Answer:
    return json_answer(status, ControlProblem(problem=words))
