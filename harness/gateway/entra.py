"""Entra ID as far as samples ask for it: discovery, and tokens for client credentials.

Statuses, error words and AADSTS numbers are those of login.microsoftonline.com (Microsoft identity platform,
"Microsoft Entra authentication and authorization error codes"); the descriptions are our own.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote_plus

import msgspec

from harness.contract.hosts import ENTRA_ID_HOST
from harness.gateway.answers import Answer, json_answer, text_answer
from harness.gateway.reading import Incoming
from harness.model import Credentials, Headers, IssuedToken

LIFETIME_S = 3599
_MANY_TENANTS = frozenset(("common", "organizations", "consumers"))
_OPENID_SCOPES = frozenset(("openid", "profile", "offline_access", "email"))  # added by some SDKs; no resource's
_SUFFIX = "/.default"
_AT = f"https://{ENTRA_ID_HOST}"
_FIELDS = 64
_HEADERS: Headers = (
    ("cache-control", "no-store, no-cache"),
    ("pragma", "no-cache"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
)


class _Denied(Exception):
    """No token: how Entra ID says so."""

    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.code, self.text = status, error, code, text


class _Client(NamedTuple):
    id: str
    secret: str


def fresh_credentials() -> Credentials:
    """Canaries in the shapes that the real ones have; without a token, which a directory issues."""
    client_secret = f"{_letters(3)}8Q~{_letters(17)}.{_letters(8)}_{_letters(7)}"
    return Credentials(
        api_key=_letters(84),
        tenant_id=str(uuid.uuid4()),
        client_id=str(uuid.uuid4()),
        client_secret=client_secret,
        given_token="",
    )


class Directory:
    """The tenant of one run, with the one client that it knows."""

    def __init__(self, credentials: Credentials, scope: str, remembered: int, now_s: Callable[[], float]) -> None:
        self._credentials = credentials
        self._scope = scope
        self._remembered = remembered
        self._now_s = now_s  # since the run was opened
        self._issued: dict[str, IssuedToken] = {}

    @property
    def tokens(self) -> tuple[IssuedToken, ...]:
        """What was issued, in order."""
        return tuple(self._issued.values())

    def is_valid(self, token: str) -> bool:
        """Whether `token` was issued here, for the run's scope, and has not expired."""
        issued = self._issued.get(token)
        return issued is not None and issued.scope == self._scope and self._now_s() < issued.at_s + issued.lifetime_s

    def issue(self, *, requested: bool) -> str:
        """A new token for the run's scope."""
        now = int(time.time())
        ids = self._credentials
        header = {"typ": "JWT", "alg": "RS256", "kid": _letters(27)}
        payload = {
            "aud": self._scope.removesuffix(_SUFFIX),
            "iss": f"https://sts.windows.net/{ids.tenant_id}/",
            "iat": now,
            "nbf": now,
            "exp": now + LIFETIME_S,
            "appid": ids.client_id,
            "appidacr": "1",
            "idtyp": "app",
            "tid": ids.tenant_id,
            "uti": _letters(22),
            "ver": "1.0",
        }
        parts = (msgspec.json.encode(header), msgspec.json.encode(payload), secrets.token_bytes(256))
        token = ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode("ascii") for part in parts)
        if len(self._issued) >= self._remembered:
            oldest = next((one.token for one in self._issued.values() if one.requested), None)
            if oldest is not None:
                del self._issued[oldest]
        self._issued[token] = IssuedToken(
            token=token, scope=self._scope, at_s=self._now_s(), lifetime_s=LIFETIME_S, requested=requested
        )
        return token

    def answer(self, request: Incoming, path: str) -> Answer:
        """What the sign-in host answers to a request for `path`."""
        try:
            match path.strip("/").split("/"):
                case ["common", "discovery", "instance"]:
                    return _only("GET", request, path) or _json(200, _INSTANCES)
                case [tenant, "v2.0", ".well-known", "openid-configuration"]:
                    return _only("GET", request, path) or self._configuration(tenant)
                case [tenant, "discovery", "v2.0", "keys"]:
                    return _only("GET", request, path) or self._keys(tenant)
                case [tenant, "oauth2", "v2.0", "token"]:
                    return _only("POST", request, path) or self._token(tenant, request)
        except _Denied as denied:
            return _denial(denied)
        return text_answer(404, f"{ENTRA_ID_HOST} has no endpoint {path} here")

    def _configuration(self, tenant: str) -> Answer:
        self._check_tenant(tenant, "invalid_tenant", many=True)
        base = f"{_AT}/{tenant}"
        issuer = "{tenantid}" if tenant in _MANY_TENANTS else tenant
        return _json(
            200,
            {
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "response_modes_supported": ["query", "fragment", "form_post"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
                "issuer": f"{_AT}/{issuer}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
                "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
                "tenant_region_scope": "NA",
                "cloud_instance_name": "microsoftonline.com",
                "cloud_graph_host_name": "graph.windows.net",
                "msgraph_host": "graph.microsoft.com",
            },
        )

    def _keys(self, tenant: str) -> Answer:
        self._check_tenant(tenant, "invalid_tenant", many=True)
        return _json(200, {"keys": []})  # the tokens are not signed: nobody but the gateway can tell a right one

    def _token(self, tenant: str, request: Incoming) -> Answer:
        form = _form(request)
        grant_type = _needed(form, "grant_type")
        self._check_tenant(tenant, "invalid_request", many=False)
        if grant_type != "client_credentials":
            raise _Denied(400, "unsupported_grant_type", 70003, f"The grant type {grant_type!r} is not supported here.")
        self._check_client(_client(request, form), form, tenant)
        self._check_scope(_needed(form, "scope"), tenant)
        return _json(
            200,
            {
                "token_type": "Bearer",
                "expires_in": LIFETIME_S,
                "ext_expires_in": LIFETIME_S,
                "access_token": self.issue(requested=True),
            },
        )

    def _check_tenant(self, tenant: str, error: str, *, many: bool) -> None:
        if tenant.lower() == self._credentials.tenant_id or (many and tenant in _MANY_TENANTS):
            return
        if tenant in _MANY_TENANTS:
            raise _Denied(400, "invalid_request", 50059, f"Client credentials need a tenant; {tenant!r} names none.")
        raise _Denied(400, error, 90002, f"Tenant {tenant!r} not found. Check AZURE_TENANT_ID.")

    def _check_client(self, client: _Client, form: dict[str, str], tenant: str) -> None:
        if not client.id:
            raise _missing("client_id")
        if client.id.lower() != self._credentials.client_id:
            text = f"Application with identifier {client.id!r} was not found in the directory {tenant!r}."
            raise _Denied(400, "unauthorized_client", 700016, text)
        if not client.secret:
            if "client_assertion" in form:
                raise _Denied(
                    401, "invalid_client", 700027, "The client assertion is signed with a key that is not known."
                )
            text = "The request must contain the parameter 'client_assertion' or 'client_secret'."
            raise _Denied(401, "invalid_client", 7000218, text)
        if not secrets.compare_digest(client.secret.encode(), self._credentials.client_secret.encode()):
            text = f"Invalid client secret for app {client.id!r}. Send the secret's value, not its id."
            raise _Denied(401, "invalid_client", 7000215, text)

    def _check_scope(self, scope: str, tenant: str) -> None:
        asked = [one for one in scope.split() if one not in _OPENID_SCOPES]
        if len(asked) > 1:
            raise _Denied(400, "invalid_scope", 28000, f"The scope {scope!r} names more than one resource.")
        if not asked or not asked[0].endswith(_SUFFIX):
            text = f"The scope {scope!r} is not valid: with client credentials it ends with {_SUFFIX!r}."
            raise _Denied(400, "invalid_scope", 1002012, text)
        if asked[0] != self._scope:
            resource = asked[0].removesuffix(_SUFFIX)
            text = f"The resource {resource!r} was not found in the tenant {tenant!r}; known: {self._scope!r}."
            raise _Denied(400, "invalid_resource", 500011, text)


_INSTANCES = {
    "tenant_discovery_endpoint": f"{_AT}/common/v2.0/.well-known/openid-configuration",
    "api-version": "1.1",
    "metadata": [
        {
            "preferred_network": ENTRA_ID_HOST,
            "preferred_cache": "login.windows.net",
            "aliases": [ENTRA_ID_HOST, "login.windows.net", "login.microsoft.com", "sts.windows.net"],
        }
    ],
}


def _form(request: Incoming) -> dict[str, str]:
    content_type = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if content_type != b"application/x-www-form-urlencoded":
        return {}  # what is not a form has no parameters: the answer says which is missing
    form: dict[str, str] = {}
    try:
        pairs = parse_qsl(request.body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise _Denied(400, "invalid_request", 9000410, "The body is no form in UTF-8.") from None
    for name, value in pairs:
        if name in form:
            raise _Denied(400, "invalid_request", 9000411, f"The parameter {name!r} is duplicated.")
        form[name] = value
    return form


def _client(request: Incoming, form: dict[str, str]) -> _Client:
    """From the body, or from HTTP Basic authentication (RFC 6749, section 2.3.1)."""
    scheme, _, encoded = request.headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() == b"basic":
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise _Denied(401, "invalid_client", 7000218, "The Authorization header can't be read.") from None
        return _Client(form.get("client_id") or unquote_plus(name), unquote_plus(secret))
    return _Client(form.get("client_id", ""), form.get("client_secret", ""))


def _needed(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise _missing(name)
    return form[name]


def _missing(name: str) -> _Denied:
    return _Denied(400, "invalid_request", 900144, f"The request body must contain the parameter {name!r}.")


def _only(method: str, request: Incoming, path: str) -> Answer | None:
    if request.method == method:
        return None
    text = f"{path} takes {method} requests, not {request.method}."
    return _denial(_Denied(405, "invalid_request", 900561, text), (("allow", method),))


def _denial(denied: _Denied, headers: Headers = ()) -> Answer:
    when = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    said = f"AADSTS{denied.code}: {denied.text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {when}"
    body = {
        "error": denied.error,
        "error_description": said,
        "error_codes": [denied.code],
        "timestamp": when,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"{_AT}/error?code={denied.code}",
    }
    return _json(denied.status, body, headers)


def _json(status: int, value: object, headers: Headers = ()) -> Answer:
    return json_answer(status, value, (*_HEADERS, ("x-ms-request-id", str(uuid.uuid4())), *headers))


def _letters(count: int) -> str:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return "".join(secrets.choice(alphabet) for _ in range(count))
