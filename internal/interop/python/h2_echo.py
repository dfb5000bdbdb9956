"""An ASGI backend that echoes. The path /refused is refused; the text "close CODE REASON" makes it close."""


async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})
        return
    if scope["type"] != "websocket":
        return
    while True:
        event = await receive()
        if event["type"] == "websocket.connect":
            if scope["path"] == "/refused":
                await send({"type": "websocket.close"})  # before the handshake's answer: status 403
                return
            await send({"type": "websocket.accept", "subprotocol": "blue" if "blue" in scope["subprotocols"] else None})
        elif event["type"] == "websocket.disconnect":
            return
        elif (text := event.get("text")) is None:
            await send({"type": "websocket.send", "bytes": event["bytes"]})
        elif text.startswith("close "):
            _, code, reason = text.split(" ", 2)
            await send({"type": "websocket.close", "code": int(code), "reason": reason})
        else:
            await send({"type": "websocket.send", "text": text})
