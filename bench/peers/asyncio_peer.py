"""Python's asyncio: asyncio_peer.py MODE CERT KEY, or client PORT CA COUNT KIND. See limit.c."""
import asyncio
import ssl
import sys
import time

CHUNK = bytes(256 << 10)


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class Sink(asyncio.Protocol):
    pass


class Source(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.paused = self.gone = False
        self.pour()

    # One chunk a turn: asyncio reports a lost connection between turns only.
    def pour(self):
        if self.paused or self.gone:
            return
        self.transport.write(CHUNK)
        if not self.paused:
            asyncio.get_running_loop().call_soon(self.pour)

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        self.pour()

    def connection_lost(self, why):
        self.gone = True


class Byte(asyncio.Protocol):
    def connection_made(self, transport):
        transport.write(b"!")


HANDLERS = {"echo": Echo, "sink": Sink, "source": Source, "byte": Byte}


async def serve(mode, cert, key):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(HANDLERS[mode], "127.0.0.1", 0, ssl=context, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = loop.create_future()
    loop.add_reader(0, lambda: ended.done() or ended.set_result(None))
    await ended


async def visit(port, context):
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=context(), server_hostname="localhost")
    await reader.readexactly(1)
    writer.close()
    await writer.wait_closed()


async def be_client(port, ca, count, kind):
    reused = ssl.create_default_context(cafile=ca)
    context = (lambda: reused if kind == "context" else ssl.create_default_context(cafile=ca))
    for _ in range(count // 10):
        await visit(port, context)
    start = time.process_time_ns()
    for _ in range(count):
        await visit(port, context)
    print("{:units %d :cpu %d}" % (count, time.process_time_ns() - start))


mode, *args = sys.argv[1:]
if mode == "client":
    asyncio.run(be_client(int(args[0]), args[1], int(args[2]), args[3]))
else:
    asyncio.run(serve(mode, args[0], args[1]))
