"""Who may do what: bearer tokens with a scope."""

import base64
import hmac

from service.config import Config, Scope

#: Offered by a browser beside the protocol itself, because it cannot set headers on a
#: WebSocket and a token has no place in an address.
PROTOCOL = "anonynoise.v1"
_TOKEN_PROTOCOL = "anonynoise.bearer."


class Tokens:
    """The configured tokens. Without any, this machine's users may do everything."""

    def __init__(self, config: Config) -> None:
        self._tokens: list[tuple[Scope, bytes]] = []
        if config.read_token:
            self._tokens.append(("read", config.read_token.get_secret_value().encode()))
        if config.admin_token:
            self._tokens.append(("admin", config.admin_token.get_secret_value().encode()))

    @property
    def required(self) -> bool:
        """Whether a request needs a token at all."""
        return bool(self._tokens)

    def scope(self, token: str | None) -> Scope | None:
        """What ``token`` allows; None for nothing.

        Every token is compared, each in constant time, so that the answer's delay says
        nothing of how much of a guess was right.
        """
        if not self._tokens:
            return "admin"
        given = (token or "").encode()
        found: Scope | None = None
        for scope, expected in self._tokens:
            if hmac.compare_digest(given, expected):
                found = scope
        return found


def bearer(authorization: str | None) -> str | None:
    """The token of an ``Authorization`` header."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def bearer_of_protocols(protocols: list[str]) -> str | None:
    """The token among a WebSocket's offered subprotocols."""
    for protocol in protocols:
        if protocol.startswith(_TOKEN_PROTOCOL):
            text = protocol.removeprefix(_TOKEN_PROTOCOL)
            try:
                return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            except ValueError:
                # No base64, or no text: not a token that anyone has.
                return None
    return None
