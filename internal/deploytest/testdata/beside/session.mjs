// One client's session with the proxy on this machine. It prints what the client and the backend saw, a fact a line.
// Arguments: the path, then the header fields that the backend is asked about.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import { WebSocket } from 'ws'

const [path, ...fields] = process.argv.slice(2)
const name = 'chat.example.com'
const tell = (what, ...facts) => console.log(what, ...facts.map(f => JSON.stringify(f)))
const hash = data => createHash('sha256').update(data).digest('hex').slice(0, 8)
setTimeout(() => { console.log('in vain'); process.exit(1) }, 30_000).unref()


// dial opens a WebSocket; messages are kept from the first on.
function dial(target, options = {}) {
  const ws = new WebSocket(`wss://127.0.0.1${target}`, ['chat.v1', 'chat.v2'], {
    rejectUnauthorized: false, servername: name,
    headers: { Host: name, Origin: `https://${name}`, Cookie: 'seat=3', Authorization: 'Bearer abc', 'X-Custom': 'grün' }, ...options,
  })
  const queue = [], waiting = []
  ws.on('message', (data, binary) => {
    const message = { data, binary }
    waiting.length ? waiting.shift()(message) : queue.push(message)
  })
  ws.next = () => queue.length ? Promise.resolve(queue.shift()) : new Promise(resolve => waiting.push(resolve))
  return ws
}

const ask = (module, target) => new Promise((resolve, reject) => module.get(target,
  { headers: { Host: name }, rejectUnauthorized: false, servername: name, agent: false }, async response => {
    let body = ''
    for await (const part of response) body += part
    resolve({ status: response.statusCode, location: response.headers.location, body })
  }).on('error', reject))

const ws = dial(`${path}room?x=1&y=%20`)
await once(ws, 'open')
tell('opened', ws.protocol, ws.extensions)
const asked = JSON.parse((await ws.next()).data)
tell('url', asked.url)
for (const field of fields) tell(field, field === 'connection' ? asked.headers[field].toLowerCase() : asked.headers[field])

for (const [what, data, options] of [
  ['text', 'grüße', {}], ['empty', '', {}], ['binary', Buffer.alloc(300_000, 'abc'), { compress: false }],
  ['random', randomBytes(100_000), {}], ['compressed', 'a'.repeat(200_000), { compress: true }],
]) {
  ws.send(data, options)
  const back = await ws.next()
  tell(what, back.binary, back.data.length, hash(back.data) === hash(data))
}
for (const part of ['one ', 'two ', 'three']) ws.send(part, { fin: part === 'three' })
tell('fragments', String((await ws.next()).data))
ws.ping('from the client')
tell('pong', String((await once(ws, 'pong'))[0]))
ws.send('ping')
tell('backend pinged', String((await ws.next()).data))
ws.send('close 4711 enough')
const [code, reason] = await once(ws, 'close')
tell('backend closed', code, String(reason))

const second = dial(`${path}room`, { perMessageDeflate: false })
await once(second, 'open')
tell('without compression', second.protocol, second.extensions)
second.close(3001, 'bye')
tell('client closed', (await once(second, 'close'))[0])

const refused = dial(`${path}forbidden`)
refused.on('error', () => {})
const [, answer] = await once(refused, 'unexpected-response')
tell('refused', answer.statusCode, answer.headers['x-why'])
refused.terminate()

const plain = await ask(https, `https://127.0.0.1${path}page?q=1`)
tell('plain', plain.status, plain.body)
tell('backend heard', (await ask(https, `https://127.0.0.1${path}ended`)).body)
const redirect = await ask(http, `http://127.0.0.1${path}page?q=1`)
tell('without TLS', redirect.status >= 300 && redirect.status < 400, redirect.location)
process.exit(0)
