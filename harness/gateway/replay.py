"""What the API host answers: the recording, or the service's refusal."""

from __future__ import annotations

import os
from typing import NamedTuple

import msgspec

from harness.contract.operations import Refusal, verdict
from harness.gateway.answers import Answer, head_of, json_answer, varying
from harness.gateway.entra import Directory
from harness.gateway.reading import Incoming
from harness.model import Headers, RecordedResponse, Value

_MADE_ANEW = frozenset(("connection", "content-length", "date", "keep-alive", "transfer-encoding"))
_REQUEST_ID = "apim-request-id"
_USUAL: Headers = (
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("x-content-type-options", "nosniff"),
    ("x-ms-region", "East US 2"),
)


class Verdict(NamedTuple):
    answer: Answer
    why: str = ""  # why this is no request of the contract


class _Model(Value, frozen=True):
    model: object = None


class _Prepared:
    """A recorded response, encoded once."""

    __slots__ = ("_body", "_head", "_needs_id", "_status")

    def __init__(self, response: RecordedResponse) -> None:
        recorded = {name.lower() for name in response.headers}
        kept = [(name, value) for name, value in response.headers.items() if name.lower() not in _MADE_ANEW]
        usual = [(name, value) for name, value in _USUAL if name not in recorded]
        if "content-type" not in recorded:
            usual.insert(0, ("content-type", "application/json"))
        self._status = response.status
        self._needs_id = _REQUEST_ID not in recorded
        self._body = msgspec.json.encode(response.body)
        self._head = head_of(response.status, (*kept, *usual))

    def answer(self) -> Answer:
        fresh = b"%b: %b\r\n" % (_REQUEST_ID.encode(), _fresh_id()) if self._needs_id else b""
        return Answer(self._status, b"%b%b%b" % (self._head, fresh, varying(self._body)), self._body)


class Replay:
    """The API of one run."""

    def __init__(
        self,
        base_path: str,
        models: tuple[str, ...],
        exchanges: tuple[tuple[str, str, RecordedResponse], ...],  # method, whole path, response
        api_key: str,
        directory: Directory,
    ) -> None:
        self._base_path = base_path
        self._models = frozenset(models)
        self._api_key = api_key.encode()
        self._directory = directory
        self._recorded: dict[tuple[str, str], list[_Prepared]] = {}
        self._next: dict[tuple[str, str], int] = {}
        for method, path, response in exchanges:
            self._recorded.setdefault((method, path), []).append(_Prepared(response))

    def answer(self, request: Incoming, path: str) -> Verdict:
        """What the service would say: of path, method, credential, body and model, in this order."""
        refusal = self._refusal(request, path)
        if refusal and refusal.status != 400:
            return Verdict(_refused(refusal), refusal.message)
        why = refusal.message if refusal else ""
        denied = self._denied(request)
        if denied:
            return Verdict(_error(401, "401", denied, kind="authentication_error"), why)
        if refusal:
            return Verdict(_refused(refusal), why)
        model = msgspec.json.decode(request.body, type=_Model).model
        if model not in self._models:
            return Verdict(_error(404, "DeploymentNotFound", self._unknown(model), param="model"))
        return Verdict(self._replayed(request.method, path))

    def _refusal(self, request: Incoming, path: str) -> Refusal | None:
        if not path.startswith(self._base_path):
            return Refusal(
                status=404, code="404", message=f"Resource not found: {path!r} is not below {self._base_path}"
            )
        return verdict(request.method, path.removeprefix(self._base_path), request.body)

    def _denied(self, request: Incoming) -> str:
        """Why the request's credential is not taken, in words; empty when it is.

        Equal strings are found by hashing or comparing whole: who could time that holds the credentials anyway.
        """
        key = request.headers.get(b"api-key")
        if key is not None:
            return "" if key == self._api_key else "The api-key header holds no key of this resource."
        scheme, _, credential = request.headers.get(b"authorization", b"").partition(b" ")
        if not scheme:
            return "No credential: send an api-key header, or Authorization: Bearer with a key or an Entra ID token."
        if scheme.lower() != b"bearer":
            return "The Authorization header is not of the Bearer scheme."
        if credential == self._api_key or self._directory.is_valid(credential.decode("latin-1")):
            return ""
        return "The bearer token is no key of this resource, and no unexpired Entra ID token that was issued for it."

    def _unknown(self, model: object) -> str:
        known = ", ".join(sorted(self._models)) or "none"
        return f"The API deployment {model!r} does not exist on this resource; it has: {known}"

    def _replayed(self, method: str, path: str) -> Answer:
        recorded = self._recorded.get((method, path))
        if recorded is None:
            return _error(404, "404", f"Resource not found: the recording holds no answer to {method} {path}")
        place = self._next.get((method, path), 0)
        self._next[method, path] = min(place + 1, len(recorded) - 1)
        return recorded[place].answer()


def refusal(status: int, why: str) -> Answer:
    """The service's envelope around what is refused before the API is asked."""
    return _error(status, str(status), why)


def _refused(refusal: Refusal) -> Answer:
    headers: Headers = (("allow", refusal.allow),) if refusal.allow else ()
    return _error(refusal.status, refusal.code, refusal.message, refusal.param, headers=headers)


def _error(
    status: int,
    code: str,
    message: str,
    param: str | None = None,
    *,
    kind: str = "invalid_request_error",
    headers: Headers = (),
) -> Answer:
    body = {"error": {"code": code, "message": message, "param": param, "type": kind}}
    return json_answer(status, body, (*_USUAL, (_REQUEST_ID, _fresh_id().decode("ascii")), *headers))


def _fresh_id() -> bytes:
    digits = os.urandom(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}".encode("ascii")
