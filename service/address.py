"""Addresses: where the service listens and where cameras are."""

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
            host = "127.0.0.1" if self.address.host in ("localhost", "::1") else self.address.host
            return f"{host}:{self.address.port}"
        return self.path or f"usb://{self.driver}"
