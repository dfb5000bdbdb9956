"""The calls of node/closes.mjs with aiohttp, as one JSON object a line on stdin, and on stdout the answers."""
import asyncio
import json
import sys

import aiohttp


class Client:
    def __init__(self, session):
        self.session, self.ended_ = session, []

    async def version(self):
        return aiohttp.__version__

    async def dial(self, url, size=0):
        ws = await self.session.ws_connect(url, ssl=False if url.startswith("wss:") else None)
        if size:
            await ws.send_str("x" * size)
        self.ended_.append(asyncio.create_task(self.watch(ws)))
        return len(self.ended_) - 1

    async def watch(self, ws):
        reason = ""
        while True:
            message = await ws.receive()
            if message.type == aiohttp.WSMsgType.CLOSE:
                reason = message.extra
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR):
                return {"opened": True, "code": ws.close_code, "reason": reason or "", "clean": ws.exception() is None}

    async def ended(self, socket):
        return await self.ended_[socket]


async def main():
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    async with aiohttp.ClientSession() as session:
        client = Client(session)
        while line := await lines.readline():
            call = json.loads(line)
            try:
                answer = {"result": await getattr(client, call["do"])(**(call["args"] or {}))}
            except Exception as error:
                answer = {"error": repr(error)}
            print(json.dumps(answer), flush=True)


asyncio.run(main())
