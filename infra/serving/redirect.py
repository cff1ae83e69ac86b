"""A proxy for clients whose host is written into them: it leads that one host here, and nothing anywhere else.

Clients reach it by ``HTTPS_PROXY``. It joins a tunnel for the host to a port of this machine where TLS is spoken. Some
old clients speak TLS to the proxy itself instead of asking for a tunnel: they are joined to the same port.

Source: https://www.rfc-editor.org/rfc/rfc9110#name-connect
"""

import asyncio
import logging

HOST = "commentanalyzer.googleapis.com"
"""What clients of Perspective have written into them."""

_TLS_HANDSHAKE = 0x16
_HEAD_BYTES = 16 * 1024
_SECONDS = 10.0
_CHUNK = 64 * 1024
log = logging.getLogger("streamkeeper.serve")


class Redirector:
    """Joins tunnels for one host to a port of this machine.

    Args:
        host: which host.
        port: of this machine, where TLS is spoken.
        connections: at the same time; more are closed at once.
    """

    def __init__(self, host: str, port: int, *, connections: int = 1000) -> None:
        self._host = host
        self._port = port
        self._free = connections

    async def listen(self, address: str, port: int) -> asyncio.Server:
        """Begins to listen.

        Args:
            address, port: where.

        Raises:
            OSError: somebody else listens there.
        """
        return await asyncio.start_server(self._serve, address, port, limit=_HEAD_BYTES)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._free <= 0:
            writer.close()
            return
        self._free -= 1
        try:
            async with asyncio.timeout(_SECONDS):
                first = await self._first(reader, writer)
            if first is not None:
                await self._join(first, reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            log.debug("a connection to the redirector ended early")
        finally:
            self._free += 1
            writer.close()

    async def _first(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """What goes to the port first; None: the client was refused."""
        begin = await reader.readexactly(1)
        if begin[0] == _TLS_HANDSHAKE:
            return begin
        head = begin + await reader.readuntil(b"\r\n\r\n")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
        if len(words) != 3 or words[0].upper() != "CONNECT":
            await _answer(writer, "405 Method Not Allowed", "This proxy takes CONNECT only.")
            return None
        if words[1].lower() != f"{self._host}:443":
            await _answer(writer, "403 Forbidden", f"This proxy leads to {self._host}:443 only.")
            return None
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await writer.drain()
        return b""

    async def _join(self, first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            here.write(first)
            await asyncio.gather(_copy(reader, here), _copy(there, writer))
        finally:
            here.close()


async def _answer(writer: asyncio.StreamWriter, status: str, text: str) -> None:
    body = f"{text}\n".encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
    except OSError:
        target.close()
