// Speaks the server's side of ASP.NET Core SignalR: negotiation, the three transports, the JSON hub protocol. Its hub has one
// method, Say, and tells clients the port of their server.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { WebSocketServer } from 'ws'

const port = Number(process.argv[2])
const end = '\x1e' // of each message
const connections = new Map() // by token

class Connection {
  greeted = false
  waiting = '' // for a poll

  receive(data) {
    for (const part of data.split(end).filter(Boolean)) {
      const { type, invocationId, arguments: args } = JSON.parse(part)
      if (!this.greeted) {
        this.greeted = true
        this.send({})
      } else if (type === 1) {
        for (const c of connections.values()) c.send({ type: 1, target: 'said', arguments: args })
        this.send({ type: 3, invocationId, result: port })
      }
    }
  }

  send(message) {
    const data = JSON.stringify(message) + end
    if (this.socket) return this.socket.send(data)
    if (this.events) return this.events.write(`data: ${data}\r\n\r\n`)
    this.waiting += data
    this.answer()
  }

  // answer ends a poll that waits, if there is something to tell.
  answer() {
    if (!this.poll || !this.waiting) return
    this.poll.end(this.waiting)
    this.poll = null
    this.waiting = ''
  }
}

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  if (pathname === '/chat/negotiate') {
    const token = randomUUID()
    connections.set(token, new Connection())
    const availableTransports = ['WebSockets', 'ServerSentEvents', 'LongPolling'].map(transport => ({ transport, transferFormats: ['Text'] }))
    return response.end(JSON.stringify({ negotiateVersion: 1, connectionId: randomUUID(), connectionToken: token, availableTransports }))
  }
  const connection = connections.get(searchParams.get('id'))
  if (!connection) return response.writeHead(404).end('No Connection with that ID')
  if (request.method === 'POST') {
    connection.receive(await text(request))
    return response.end()
  }
  if (request.method === 'DELETE') {
    connections.delete(searchParams.get('id'))
    connection.poll?.writeHead(204).end()
    return response.writeHead(202).end()
  }
  if (request.headers.accept === 'text/event-stream') {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
    connection.events = response
  } else if (!connection.polled) { // the first poll is answered at once
    connection.polled = true
    response.end()
  } else {
    connection.poll = response
    connection.answer()
  }
})
const sockets = new WebSocketServer({ noServer: true })
server.on('upgrade', (request, socket, head) => {
  const connection = connections.get(new URL(request.url, 'http://localhost').searchParams.get('id'))
  if (!connection) return socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')
  sockets.handleUpgrade(request, socket, head, ws => {
    connection.socket = ws
    ws.on('message', data => connection.receive(String(data)))
  })
})
server.listen(port, '127.0.0.1')
