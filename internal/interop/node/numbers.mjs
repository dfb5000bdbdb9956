// The backend of moves_test.go on npm's ws: it answers each message by its own number and the message. It listens on the port
// that it is given, and speaks HTTP/2 if the second argument is pool.
import { createServer as plain } from 'node:http'
import { WebSocketServer } from 'ws'
import { createServer as pooled } from '../../../deploy/pooling-node.mjs'

const server = process.argv[3] === 'pool'
  ? pooled(stream => stream.respond({ ':status': 200 }, { endStream: true }))
  : plain((request, answer) => answer.end())
const wss = new WebSocketServer({ noServer: true })
server.on('upgrade', (request, socket, head) => {
  socket.on('error', () => {})
  wss.handleUpgrade(request, socket, head, ws => {
    let told = 0n
    ws.on('error', () => {})
    ws.on('message', data => {
      const number = Buffer.alloc(8)
      number.writeBigUInt64BE(told++)
      ws.send(number)
      ws.send(data.toString())
    })
  })
})
server.listen(Number(process.argv[2]), '127.0.0.1')
