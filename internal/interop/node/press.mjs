// A client on npm's ws that offers compression as it is told, and a backend that has none; press_matrix_test.go drives both.
import { randomBytes, randomInt } from 'node:crypto'
import { WebSocket, WebSocketServer } from 'ws'
import { serve } from './calls.mjs'

const servers = []

// records is JSON of so many bytes, about.
const records = size => JSON.stringify(Array.from({ length: size / 70 }, (_, id) =>
  ({ id, name: `grüße ${randomInt(50)}`, price: randomInt(100000) / 100, tags: ['red', 'green', 'blue'] })))

// echo sends a message and fails unless it comes back as it was.
function echo(ws, message) {
  return new Promise((resolve, reject) => {
    ws.onclose = ({ code, reason }) => reject(Error(`closed with ${code} ${reason} instead of an echo of ${message.length}`))
    ws.once('message', (data, binary) => {
      const same = binary === (typeof message !== 'string') && data.equals(Buffer.from(message))
      same ? resolve() : reject(Error(`a message of ${message.length} came back as one of ${data.length}, binary: ${binary}`))
    })
    ws.send(message)
  })
}

// connect opens a WebSocket that compresses whatever it sends.
function connect(url, offer) {
  const ws = new WebSocket(url, { perMessageDeflate: { threshold: 0, ...offer } })
  return new Promise((resolve, reject) => {
    ws.onopen = () => resolve(ws)
    ws.onerror = ({ message }) => reject(Error(message))
  })
}

await serve({
  // listen starts a backend that echoes, and tells its port.
  listen: () => new Promise(resolve => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false }, () => resolve(server.address().port))
    server.on('connection', ws => ws.on('message', (data, binary) => ws.send(data, { binary })))
    servers.push(server)
  }),

  // converse opens a WebSocket, exchanges messages, closes it, and tells what extensions were agreed on.
  async converse({ url, offer, takes }) {
    const ws = await connect(url, offer)
    const { extensions } = ws
    for (const size of [0, 1, 300, randomInt(20_000), ...takes ?? []]) {
      await echo(ws, records(size))
      await echo(ws, randomBytes(size))
    }
    await echo(ws, '')
    const ended = new Promise(resolve => { ws.onclose = resolve })
    ws.close(1000)
    const { code } = await ended
    if (code !== 1000) throw Error(`closed with ${code}`)
    return extensions
  },

  // refused tells why the client did not open.
  refused: ({ url, offer }) => connect(url, offer).then(() => 'not at all', error => error.message),
})
