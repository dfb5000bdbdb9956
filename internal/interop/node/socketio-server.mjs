// A Socket.IO server with the name it is given; all its clients hear that name first.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Server } from 'socket.io'
import { serve } from './calls.mjs'

const name = process.argv[2]
const page = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">' +
  `<script src="/socket.io/socket.io.js"></script><script>${readFileSync(new URL('page/socketio.js', import.meta.url))}</script>`
const http = createServer((request, response) => response.setHeader('Content-Type', 'text/html').end(page))
const io = new Server(http, { cors: { origin: true, credentials: true } })

function attend(socket) {
  socket.on('echo', (data, reply) => reply(data))
  socket.on('join', (room, reply) => { socket.join(room); reply() })
  socket.on('say', (room, text) => socket.nsp.to(room).emit('said', text))
  socket.emit('welcome', name)
}
io.on('connection', attend)
io.of('/staff')
  .use((socket, next) => next(socket.handshake.auth.token === 'sesame' ? undefined : new Error('who are you?')))
  .on('connection', attend)

await serve({
  listen: () => new Promise(resolve => http.listen(0, '127.0.0.1', () => resolve(http.address().port))),
})
