"""HTTP as it comes off the wire, bounded before any route is asked."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD_BYTES = 1 << 16
_HEADERS = 128
_REQUESTS_AHEAD = 16


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol over httptools, which hangs up on who makes it keep too much.

    httptools keeps a head, and the trailers behind a body, however long they grow, and copies
    them with every packet; uvicorn keeps every request that is sent ahead of the answers. None
    of that needs a token. (h11 bounds all three, but takes 20 µs for a piece of a body, be it a
    byte: a client that sends bytes would hold up the event loop for a second at a time.)
    """

    #: What came since a head, or a piece of a body, was last complete.
    _unfinished_bytes = 0

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; a head that does not end is refused."""
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"A request's head may have at most {_HEAD_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        """As uvicorn's; raises, which it answers with 400, where the request is one too many."""
        self._unfinished_bytes = 0
        if len(self.headers) > _HEADERS or len(self.pipeline) >= _REQUESTS_AHEAD:
            raise ValueError("too many headers, or requests ahead of their answers")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """As uvicorn's."""
        self._unfinished_bytes = 0
        super().on_body(body)
