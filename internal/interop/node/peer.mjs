// A WebSocket peer on npm's ws, driven by one JSON command a line on stdin; it tells what happens as one JSON
// event a line on stdout. protocol_test.go describes both. It ends when stdin is closed.
import { createHash, randomBytes } from 'node:crypto'
import http, { STATUS_CODES } from 'node:http'
import { createInterface } from 'node:readline'
import { WebSocket, WebSocketServer } from 'ws'

const createServer = globalThis.createServer ?? http.createServer // another kind of server, see h2.mjs
const connections = new Map()
const servers = new Map()
let last = 0 // number of the last connection or server

const emit = event => process.stdout.write(JSON.stringify(event) + '\n')
const digest = bytes => createHash('sha256').update(bytes).digest('hex')
const deflate = on => on && { threshold: 0 }

// track numbers a connection and reports all that it hears.
function track(ws) {
  const conn = ++last
  connections.set(conn, ws)
  ws.on('message', (data, binary) =>
    emit({ event: 'message', conn, kind: binary ? 'binary' : 'text', size: data.length, hash: digest(data) }))
  ws.on('ping', data => emit({ event: 'ping', conn, payload: data.toString() }))
  ws.on('pong', data => emit({ event: 'pong', conn, payload: data.toString() }))
  ws.on('error', () => {}) // 'close' follows, with 1006 or the code of the fault
  ws.on('close', (code, reason) => {
    connections.delete(conn)
    emit({ event: 'close', conn, code, reason: reason.toString() })
  })
  return conn
}

function refuse(socket, { status, headers = [], body = '' }) {
  const fields = [...headers, ['Content-Length', Buffer.byteLength(body)], ['Connection', 'close']]
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n` +
    fields.map(([name, value]) => `${name}: ${value}\r\n`).join('') + '\r\n' + body)
}

function content({ kind, size, compressible }) {
  if (compressible) return Buffer.from(randomBytes(16).toString('hex').repeat(size / 32 + 1)).subarray(0, size)
  return kind === 'text' ? Buffer.from(randomBytes(size / 2 + 1).toString('hex')).subarray(0, size) : randomBytes(size)
}

const commands = {
  listen({ id, deflate: on, protocols, headers = [], refuse: refusal }) {
    const server = createServer()
    const wss = new WebSocketServer({
      noServer: true, perMessageDeflate: deflate(on), maxPayload: 0,
      handleProtocols: offered => protocols?.find(p => offered.has(p)) ?? false,
    })
    wss.on('headers', lines => lines.push(...headers.map(([name, value]) => `${name}: ${value}`)))
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {})
      if (refusal) return refuse(socket, refusal)
      wss.handleUpgrade(request, socket, head, ws =>
        emit({ event: 'open', server: number, conn: track(ws), target: request.url, cookie: request.headers.cookie }))
    })
    const number = ++last
    servers.set(number, server)
    server.listen(0, '127.0.0.1', () => emit({ id, server: number, port: server.address().port }))
  },

  dial({ id, url, deflate: on, protocols = [], headers = [] }) {
    const ws = new WebSocket(url, protocols, { perMessageDeflate: deflate(on), maxPayload: 0, headers: Object.fromEntries(headers) })
    const answer = { id }
    ws.on('upgrade', response => { answer.cookies = response.headers['set-cookie'] })
    ws.on('unexpected-response', (request, response) => {
      let body = ''
      response.on('data', part => { body += part })
      response.on('end', () => emit({ id, status: response.statusCode, headers: response.headers, body }))
    })
    ws.once('error', error => emit({ id, error: String(error) })) // after an answer, one event too many and not read
    answer.conn = track(ws)
    ws.on('open', () => emit({ ...answer, protocol: ws.protocol, extensions: ws.extensions }))
  },

  send({ id, conn, kind, size, fragments = 1, pings, compressible }) {
    const ws = connections.get(conn)
    const data = content({ kind, size, compressible })
    const step = Math.ceil(size / fragments)
    for (let i = 0; i < fragments; i++) {
      ws.send(data.subarray(i * step, (i + 1) * step), { binary: kind === 'binary', fin: i === fragments - 1 })
      if (pings && i % 10 === 0) ws.ping(`between ${i} of ${id}`)
    }
    emit({ id, hash: digest(data) })
  },

  ping({ id, conn, payload }) {
    connections.get(conn).ping(payload)
    emit({ id, payload })
  },

  close({ id, conn, code, reason }) {
    code ? connections.get(conn).close(code, reason) : connections.get(conn).close()
    emit({ id })
  },

  stop({ id, server }) {
    servers.get(server).close()
    servers.delete(server)
    emit({ id })
  },
}

createInterface({ input: process.stdin })
  .on('line', line => {
    const command = JSON.parse(line)
    try {
      commands[command.do](command)
    } catch (error) {
      emit({ id: command.id, error: String(error) })
    }
  })
  .on('close', () => process.exit(0))
