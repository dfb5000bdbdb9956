// Lets code that handles 'upgrade' events of node:http take WebSockets over HTTP/2 (RFC 8441), so that Weir can pool its
// connections. deploy/pooling.md shows it at work with npm's ws.
import { randomBytes } from 'node:crypto'
import http2 from 'node:http2'

// createServer makes a cleartext HTTP/2 server that emits 'upgrade' (request, socket, head) for each WebSocket.
// Requests of other kinds, as health checks, go to plain (stream, headers). Do not add a 'request' listener: Node then
// answers every CONNECT with 405.
export function createServer(plain = refusePlain) {
  const server = http2.createServer({
    settings: { enableConnectProtocol: true, initialWindowSize: 65535, maxConcurrentStreams: 1000 },
    maxSessionMemory: 256, // MB a connection; with Node's 10, some hundred busy sessions are turned away
  })
  // Bytes that a session has not read yet count against the connection too: let none hold up all the others.
  server.on('session', session => session.setLocalWindowSize(2 ** 24))
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {}) // 'close' follows
    if (headers[':protocol'] !== 'websocket') return plain(stream, headers)
    server.emit('upgrade', requestOf(stream, headers), asSocket(stream), Buffer.alloc(0))
  })
  return server
}

function refusePlain(stream) {
  stream.respond({ ':status': 426 }, { endStream: true })
}

// requestOf is the HTTP/1.1 request that the client sent to the gateway. The key is any: Weir answers the client's own.
function requestOf(stream, headers) {
  const fields = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')))
  return {
    method: 'GET', url: headers[':path'], httpVersion: '1.1', socket: stream.session.socket,
    headers: {
      host: headers[':authority'], ...fields, connection: 'Upgrade', upgrade: 'websocket',
      'sec-websocket-version': '13', 'sec-websocket-key': randomBytes(16).toString('base64'),
    },
  }
}

// asSocket takes the head of an HTTP/1.1 answer off what is written to the stream, and answers with it.
function asSocket(stream) {
  const { write, end } = stream
  let head = ''
  const take = chunk => {
    head += Buffer.from(chunk ?? '').toString('latin1')
    const at = head.indexOf('\r\n\r\n')
    if (at < 0) return
    Object.assign(stream, { write, end })
    stream.respond(answerOf(head.slice(0, at).split('\r\n')))
    const rest = Buffer.from(head.slice(at + 4), 'latin1')
    if (rest.length > 0) stream.write(rest)
  }
  stream.write = (chunk, ...more) => {
    take(chunk)
    more.find(f => typeof f === 'function')?.()
    return true
  }
  stream.end = chunk => {
    take(chunk)
    stream.end === end ? stream.end() : stream.destroy() // no whole head, no answer
    return stream
  }
  return stream
}

const onlyHTTP1 = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'sec-websocket-accept'])

function answerOf([first, ...lines]) {
  const status = Number(first.split(' ')[1])
  const answer = { ':status': status === 101 ? 200 : status }
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (onlyHTTP1.has(name)) continue
    answer[name] = name in answer ? [answer[name], value].flat() : value
  }
  return answer
}
