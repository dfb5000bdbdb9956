// The backend of a session through a peer and through Weir: it echoes, and tells in its first message what it was asked.
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

let ended = 'nothing yet' // how the last session ended, for GET .../ended

function serve(port, name) {
  const server = createServer((request, response) => response.end(
    request.url.endsWith('/ended') ? ended : `${name} ${request.method} ${request.url} ${request.headers.host}`))
  const wss = new WebSocketServer({
    noServer: true, perMessageDeflate: { threshold: 0 }, handleProtocols: offered => offered.has('chat.v2') && 'chat.v2',
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {})
    if (request.url.endsWith('/forbidden')) return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: rules\r\n\r\nno')
    wss.handleUpgrade(request, socket, head, ws => {
      ws.on('error', () => {})
      ws.on('close', (code, reason) => { ended = `${code} ${reason}` })
      ws.on('pong', data => ws.send(`pong ${data}`))
      ws.on('message', (data, binary) => {
        const [word, code, reason] = binary ? [] : data.toString().split(' ')
        if (word === 'close') return ws.close(Number(code), reason)
        if (word === 'ping') return ws.ping('from the backend')
        ws.send(data, { binary })
      })
      ws.send(JSON.stringify({ url: request.url, headers: request.headers }))
    })
  })
  server.listen(port)
}

serve(8080, 'chat')
serve(3000, 'web')
