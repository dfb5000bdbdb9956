"""A client on Python's websockets that offers compression in every way the library can, to the echo at the URL it is
given. It tells how many ways there were, or ends with the first fault; press_matrix_test.go runs it."""
import asyncio
import itertools
import json
import os
import random
import sys

import websockets
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory


def records(size):
    return json.dumps([{"id": i, "name": f"grüße {random.randrange(50)}", "price": random.randrange(100000) / 100,
                        "tags": ["red", "green", "blue"]} for i in range(size // 80)], ensure_ascii=False)


async def converse(url, sizes, *offer):
    factory = ClientPerMessageDeflateFactory(*offer)
    async with websockets.connect(url, compression=None, extensions=[factory], max_size=None, ping_interval=None) as ws:
        if [e.name for e in ws.extensions] != ["permessage-deflate"]:
            raise Exception("nothing was agreed on")
        for size in sizes:
            for message in records(size), os.urandom(size):
                await ws.send(message)
                if await ws.recv() != message:
                    raise Exception(f"a message of {size} bytes came back as another")


async def main(url):
    server_bits = [None, *range(8, 16)]
    client_bits = [None, True, *range(9, 16)]  # zlib has no raw deflate with 8
    ways = list(itertools.product([False, True], [False, True], server_bits, client_bits))
    for i, way in enumerate(ways):
        sizes = [0, 1, 300, random.randrange(20_000)] + ([random.randrange(200_000)] if i % 4 == 0 else [])
        try:
            await asyncio.wait_for(converse(url, sizes, *way), 30)
        except Exception as error:
            sys.exit(f"{way}: {error!r}")
    print(len(ways))


asyncio.run(main(sys.argv[1]))
