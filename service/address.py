"""Addresses: where the service listens and where cameras are."""

import ipaddress
import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

#: scheme -> (what it is, how its URL looks)
SCHEMES = {
    "dv": "dv://HOST:PORT",
    "raw": "raw://HOST:PORT",
    "evt2": "evt2://HOST:PORT",
    "evt21": "evt21://HOST:PORT",
    "evt3": "evt3://HOST:PORT",
    "file": "file:///PATH",
    "usb": "usb://inivation, usb://prophesee or usb://auto",
}
_USB = ("auto", "inivation", "prophesee")
#: As it calls itself, so that this one name needs no looking up.
_THIS_MACHINE = "localhost"

#: A TCP socket's address: host and port, of IPv6 flow and scope, too.
SocketAddress = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True)
class Address:
    """A host and a TCP port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """``HOST:PORT`` or ``[IPv6]:PORT``. Raises ValueError in one line."""
        parts = urlsplit(f"//{text}")
        try:
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or port is None or parts.path or parts.username is not None:
            raise ValueError(f"{text!r} is not HOST:PORT")
        return cls(host, port)

    @property
    def place(self) -> str:
        """Names the machine and its port, whichever way the address is written.

        No name is looked up: what it leads to is known where it is connected to.
        """
        try:
            # As a connection reads it, to which 127.1 and 0x7f000001 are addresses, too.
            numeric = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
            )
        except (OSError, ValueError):
            return f"{self.host}:{self.port}"
        return place_of(numeric[0][4])  # type: ignore[arg-type]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True)
class CameraUrl:
    """Where a camera is: a scheme of :data:`SCHEMES` and what belongs to it."""

    scheme: str
    address: Address | None = None
    path: str | None = None
    driver: str | None = None

    @classmethod
    def parse(cls, url: str) -> "CameraUrl":
        """Raises ValueError in one line."""
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in SCHEMES:
            raise ValueError(f"{url!r} is none of {', '.join(SCHEMES.values())}")
        if scheme == "file":
            if not rest.startswith("/") or "\0" in rest:
                raise ValueError(f"{url!r}: a file has an absolute path, file:///PATH")
            return cls(scheme, path=rest)
        if scheme == "usb":
            if rest not in _USB:
                raise ValueError(f"{url!r}: expected {SCHEMES['usb']}")
            return cls(scheme, driver=rest)
        return cls(scheme, address=Address.parse(rest))

    @property
    def place(self) -> str:
        """Names the physical source, whatever protocol it is read with.

        Two cameras at one place would put two noise draws over the same events, which a
        subscriber of both could average.
        """
        if self.address:
            return self.address.place
        return os.path.realpath(self.path) if self.path else f"usb://{self.driver}"


def place_of(peer: SocketAddress, own: SocketAddress | None = None) -> str:
    """The :attr:`Address.place` of a connection's peer; ``own`` is the connection's other end.

    Loopback, no address at all, and the address that we ourselves have in the connection are
    all this machine. A machine that is reached through a relay, or has several addresses, is not
    seen to be one.
    """
    host, port, *rest = peer
    address = ipaddress.ip_address(host)
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback or address.is_unspecified or (own and own[0] == host):
        return f"{_THIS_MACHINE}:{port}"
    # A link-local address is another machine's on another link.
    scope = f"%{rest[1]}" if rest and rest[1] else ""
    return f"{address}{scope}:{port}"
