"""A WebSocket peer on Python's websockets, driven by one JSON command a line on stdin; it tells what happens
as one JSON event a line on stdout. protocol_test.go describes both. It ends when stdin is closed."""
import asyncio
import hashlib
import http
import itertools
import json
import os
import sys

import websockets
from websockets.exceptions import ConnectionClosed, InvalidStatusCode
from websockets.frames import Close
from websockets.legacy.client import Connect, WebSocketClientProtocol
from websockets.legacy.server import WebSocketServerProtocol

numbers = itertools.count(1)
connections, servers = {}, {}


def emit(**event):
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Tells:
    """pong is what the library calls to answer a ping, so this is where pings can be seen."""

    async def pong(self, data=b""):
        emit(event="ping", conn=self.number, payload=bytes(data).decode())
        await super().pong(data)


class Client(Tells, WebSocketClientProtocol):
    pass


class Server(Tells, WebSocketServerProtocol):
    pass


class Redirected(Exception):
    pass


class Dial(Connect):
    def handle_redirect(self, uri):
        raise Redirected(uri)  # to be seen, not to be followed


async def watch(ws):
    try:
        async for message in ws:
            text = isinstance(message, str)
            data = message.encode() if text else message
            emit(event="message", conn=ws.number, kind="text" if text else "binary", size=len(data), hash=digest(data))
    except ConnectionClosed:
        pass
    await ws.wait_closed()
    connections.pop(ws.number, None)
    emit(event="close", conn=ws.number, code=ws.close_code, reason=ws.close_reason or "")


def track(ws):
    ws.number = next(numbers)
    connections[ws.number] = ws
    return ws.number


def options(command):
    return {
        "compression": "deflate" if command.get("deflate") else None,
        "subprotocols": command.get("protocols"),
        "extra_headers": [tuple(h) for h in command.get("headers", [])],
        "max_size": None,
        "ping_interval": None,
    }


async def listen(command):
    number = next(numbers)

    async def serve(ws):
        emit(event="open", server=number, conn=track(ws), target=ws.path, cookie=ws.request_headers.get("Cookie", ""))
        await watch(ws)

    async def answer(path, headers):
        if refusal := command.get("refuse"):
            return http.HTTPStatus(refusal["status"]), [tuple(h) for h in refusal.get("headers", [])], refusal["body"].encode()

    servers[number] = await websockets.serve(
        serve, "127.0.0.1", 0, create_protocol=Server, process_request=answer, **options(command))
    return {"server": number, "port": servers[number].sockets[0].getsockname()[1]}


async def dial(command):
    try:
        ws = await Dial(command["url"], create_protocol=Client, **options(command))
    except InvalidStatusCode as error:
        return {"status": error.status_code, "headers": {k.lower(): v for k, v in error.headers.raw_items()}}
    except Redirected as redirect:
        return {"status": 302, "headers": {"location": str(redirect)}}
    answer = {"conn": track(ws), "protocol": ws.subprotocol or "",
              "extensions": ws.response_headers.get("Sec-WebSocket-Extensions", ""),
              "cookies": ws.response_headers.get_all("Set-Cookie")}
    asyncio.create_task(watch(ws))
    return answer


def content(command):
    size = command["size"]
    if command.get("compressible"):
        return (os.urandom(16).hex() * (size // 32 + 1))[:size].encode()
    return os.urandom(size // 2 + 1).hex()[:size].encode() if command["kind"] == "text" else os.urandom(size)


async def send(command):
    ws, data, count = connections[command["conn"]], content(command), command.get("fragments", 1)
    step = -(-len(data) // count)

    async def parts():
        for i in range(count):
            part = data[i * step:(i + 1) * step]
            yield part.decode() if command["kind"] == "text" else part
            if command.get("pings") and i % 10 == 0:
                await ws.ping(f"between {i} of {command['id']}")

    if count > 1:
        await ws.send(parts())
    else:
        await ws.send(data.decode() if command["kind"] == "text" else data)
    return {"hash": digest(data)}


async def ping(command):
    ws, payload = connections[command["conn"]], command.get("payload", "")

    async def answered(pong):
        await pong
        emit(event="pong", conn=ws.number, payload=payload)

    asyncio.create_task(answered(await ws.ping(payload)))
    return {"payload": payload}


async def close(command):
    ws, code = connections[command["conn"]], command.get("code", 0)
    if not code:
        await ws.write_close_frame(Close(1005, ""), b"")
    asyncio.create_task(ws.close(code or 1000, command.get("reason", "")))
    return {}


async def stop(command):
    servers.pop(command["server"]).close()
    return {}


commands = {f.__name__: f for f in (listen, dial, send, ping, close, stop)}


async def run(command):
    try:
        emit(id=command["id"], **await commands[command["do"]](command))
    except Exception as error:
        emit(id=command["id"], error=repr(error))


async def main():
    commands_in = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands_in), sys.stdin)
    running = set()
    while line := await commands_in.readline():
        task = asyncio.create_task(run(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(main())
