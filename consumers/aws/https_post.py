"""Requests to addresses that others wrote down: by TLS, to the public Internet, within bounds, and nowhere else.

A subscriber's address is chosen by somebody else, so that it must not reach what only this function can: the Runtime
API, a service in the VPC, an instance's metadata. A name is looked up once, all its addresses are judged, and the
connection goes to one that was judged, so that a second look-up cannot give another. Redirects are not followed.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from functools import cached_property
from typing import Any, Literal
from urllib.parse import urlsplit

from consumers.webhooks.ports import Reply, UnreachableError
from glue.webhooks import MAX_ANSWER_BYTES

Addresses = Literal["public", "any"]
Resolve = Callable[..., list[tuple[Any, Any, Any, str, Any]]]
_PORTS = {"https": 443, "http": 80}
_MAX_TRIED = 2


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet.

    >>> [is_public(one) for one in ("93.184.215.14", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1")]
    [True, False, False, False, False]
    >>> [is_public(one) for one in ("64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "fd00::1", "not one")]
    [False, False, False, False, False]
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        # An address of IPv4 written as one of IPv6 is what the former is; two such forms reach it by a translator.
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if parsed.sixtofour is not None or parsed.teredo is not None or parsed in _TRANSLATED:
            return False
    return parsed.is_global and not parsed.is_multicast


_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")


class HttpsPost:
    """Sends one request and gives the answer. May be used from several threads.

    Args:
        timeout: for the whole of it, in seconds.
        addresses: ``public``, or ``any`` to allow private ones and HTTP without TLS, as on a laptop or in a VPC.
        resolve: looks a name up, like :func:`socket.getaddrinfo`.
        context: of TLS; left out, the system's authorities count.
    """

    def __init__(
        self,
        *,
        timeout: float,
        addresses: Addresses = "public",
        resolve: Resolve = socket.getaddrinfo,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout = timeout
        self._addresses = addresses
        self._resolve = resolve
        self._given_context = context
        self._lookups = ThreadPoolExecutor(16, "lookups")

    @cached_property
    def _context(self) -> ssl.SSLContext:
        # Reading the authorities takes a tenth of a second of a cold start, and not every function sends.
        return self._given_context or ssl.create_default_context()

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes, /) -> Reply:
        """The answer; see :class:`consumers.webhooks.ports.Post`."""
        watch = _Watch(self._timeout)
        try:
            return self._send(url, headers, body, watch)
        except UnreachableError:
            raise
        except ssl.SSLCertVerificationError:
            raise UnreachableError("certificate") from None
        except (OSError, http.client.HTTPException, FutureTimeoutError) as error:
            if watch.is_over or isinstance(error, TimeoutError):
                raise UnreachableError("timeout") from None
            raise UnreachableError(
                "no_http" if isinstance(error, http.client.HTTPException) else "connection"
            ) from None
        except ValueError:
            raise UnreachableError("bad_url") from None
        finally:
            watch.cancel()

    def _send(self, url: str, headers: Mapping[str, str], body: bytes, watch: "_Watch") -> Reply:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
        if scheme not in _PORTS or not host or parts.username is not None or parts.password is not None:
            raise UnreachableError("bad_url")
        if scheme != "https" and self._addresses != "any":
            raise UnreachableError("not_https")
        port = parts.port or _PORTS[scheme]
        with self._connected(host, port, watch) as plain:
            wrapped = self._context.wrap_socket(plain, server_hostname=host) if scheme == "https" else plain
            # After wrapping, the plain socket is no longer one.
            with wrapped:
                watch.stops(wrapped)
                connection = (
                    http.client.HTTPSConnection(host, port, context=self._context)
                    if scheme == "https"
                    else http.client.HTTPConnection(host, port)
                )
                connection.sock = wrapped
                target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
                connection.request("POST", target, body, {**headers, "connection": "close"})
                answer = connection.getresponse()
                content = answer.read(MAX_ANSWER_BYTES)
                # What is cut off by the end of the time is no answer.
                if watch.is_over:
                    raise UnreachableError("timeout")
                return Reply(answer.status, content, answer.headers.get("retry-after", ""))

    def _connected(self, host: str, port: int, watch: "_Watch") -> socket.socket:
        looked_up = self._lookups.submit(self._resolve, host, port, type=socket.SOCK_STREAM)
        found = [entry[4][0] for entry in looked_up.result(self._timeout)]
        # One that is not allowed spoils them all: a name that points both ways is up to no good.
        if self._addresses != "any" and not all(map(is_public, found)):
            raise UnreachableError("address_not_allowed")
        refused = UnreachableError("no_address")
        for address in found[:_MAX_TRIED]:
            try:
                connected = socket.create_connection((address, port), timeout=self._timeout / _MAX_TRIED)
            except OSError as error:
                refused = UnreachableError("timeout" if isinstance(error, TimeoutError) else "connection")
                continue
            connected.settimeout(self._timeout)
            return connected
        raise refused


class _Watch:
    """Ends a connection when the time is over: a socket's own time-out begins anew with every byte."""

    def __init__(self, seconds: float) -> None:
        self.is_over = False
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def stops(self, connected: socket.socket) -> None:
        """From now on this one is ended."""
        with self._lock:
            self._socket = connected
            if self.is_over:
                raise TimeoutError

    def cancel(self) -> None:
        """Nothing is to be ended any more."""
        self._timer.cancel()

    def _end(self) -> None:
        with self._lock:
            self.is_over = True
            if self._socket is not None:
                # Below TLS, whose own way of ending is not for another thread.
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
