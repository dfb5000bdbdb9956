// A backend that speaks TLS, driven by calls: node:https, or node:http2 with RFC 8441. It tells its requests as JSON, in the
// answer or as the first message of a WebSocket (npm's ws), behind which that sends back what it gets.
import { readFileSync } from 'node:fs'
import https from 'node:https'
import http2 from 'node:http2'
import { WebSocket, WebSocketServer } from 'ws'
import { serve } from './calls.mjs'

const tell = ({ httpVersion, method, url, headers }) => JSON.stringify({
  witness: `HTTP/${httpVersion}`, method, target: url, host: headers[':authority'] ?? headers.host,
})

const echo = (ws, first) => {
  ws.on('message', (data, binary) => ws.send(data, { binary }))
  ws.on('error', () => {}) // 'close' follows
  ws.send(first)
}

// overStream takes a WebSocket that comes as an extended CONNECT.
function overStream(stream, headers) {
  stream.on('error', () => {})
  stream.respond({ ':status': 200 })
  const ws = new WebSocket(null, undefined, {})
  ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 0, skipUTF8Validation: false })
  echo(ws, tell({ httpVersion: '2.0', method: 'CONNECT', url: headers[':path'], headers }))
}

await serve({
  listen({ protocols, cert, key, ca, options = {} }) {
    const secrets = { cert: readFileSync(cert), key: readFileSync(key), ...options }
    if (ca) Object.assign(secrets, { ca: readFileSync(ca), requestCert: true, rejectUnauthorized: true })
    const server = protocols.includes('h2')
      ? http2.createSecureServer({ ...secrets, allowHTTP1: protocols.includes('http/1.1'), settings: { enableConnectProtocol: true } })
      : https.createServer(secrets)
    const wss = new WebSocketServer({ noServer: true, maxPayload: 0 })
    server.on('upgrade', (request, socket, head) =>
      wss.handleUpgrade(request, socket, head, ws => echo(ws, tell(request))))
    server.on('stream', (stream, headers) => {
      if (headers[':protocol'] === 'websocket') return overStream(stream, headers)
      stream.on('error', () => {})
      stream.respond({ ':status': 200 })
      stream.end(tell({ httpVersion: '2.0', method: headers[':method'], url: headers[':path'], headers }))
    })
    // With a 'request' listener node:http2 would answer every CONNECT itself.
    if (!protocols.includes('h2')) server.on('request', (request, response) => response.end(tell(request)))
    return new Promise((resolve, reject) => {
      server.on('error', reject)
      server.listen(0, '127.0.0.1', () => resolve(server.address().port))
    })
  },
})
