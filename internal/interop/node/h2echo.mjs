// An echo on npm's ws over HTTP/2, by the rule of pool_backend_test.go. It listens on the port that it is given.
import { WebSocketServer } from 'ws'
import { createServer } from '../../../deploy/pooling-node.mjs'

const server = createServer((stream, headers) =>
  stream.respond({ ':status': headers[':method'] === 'CONNECT' ? 403 : 200 }, { endStream: true }))
const wss = new WebSocketServer({ noServer: true, handleProtocols: offered => offered.has('blue') && 'blue' })
server.on('upgrade', (request, socket, head) => {
  if (request.url === '/refused') return socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
  wss.handleUpgrade(request, socket, head, ws => {
    ws.on('error', () => {})
    ws.on('message', (data, binary) => {
      const [word, code, ...reason] = binary ? [] : data.toString().split(' ')
      word === 'close' ? ws.close(Number(code), reason.join(' ')) : ws.send(data, { binary })
    })
  })
})
server.listen(Number(process.argv[2]), '127.0.0.1')
