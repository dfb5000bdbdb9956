// A client that tells how its WebSockets end, on the library that it is given: builtin (undici, which is Node's own), websocket or
// ws. closing_test.go calls it.
import { serve } from './calls.mjs'

process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0' // certificates are not what is looked at
const library = process.argv[2]
const WebSocket = {
  builtin: () => globalThis.WebSocket,
  websocket: async () => (await import('websocket')).default.w3cwebsocket,
  ws: async () => (await import('ws')).WebSocket,
}
const Socket = await WebSocket[library]()
const sockets = []

await serve({
  version: () => process.version,

  // dial opens a WebSocket and sends a text of so many characters, if any.
  dial: ({ url, size }) => new Promise(resolve => {
    const socket = new Socket(url)
    const number = sockets.push(socket) - 1
    let opened = false
    socket.ended = new Promise(ended => {
      socket.onclose = ({ code, reason, wasClean }) => {
        ended({ opened, code, reason, clean: library === 'websocket' ? code !== 1006 : wasClean }) // of websocket's only 1000 is clean
        resolve(number)
      }
    })
    socket.onerror = () => {} // onclose follows
    socket.onopen = () => {
      opened = true
      if (size > 0) socket.send('x'.repeat(size))
      resolve(number)
    }
  }),

  // ended awaits the end of one.
  ended: ({ socket }) => sockets[socket].ended,
})
