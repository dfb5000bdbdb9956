// Socket.IO clients that are driven by calls. A call is for all of them at once and fails if one of them fails.
import { EventEmitter, once } from 'node:events'
import { randomBytes } from 'node:crypto'
import { Agent } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { io } from 'socket.io-client'
import { serve } from './calls.mjs'

const patience = 10_000 // milliseconds for whatever must happen

class Client extends EventEmitter {
  heard = [] // in rooms

  // transports may be null for the library's choice, source for any address of this machine.
  constructor({ url, transports, cookies, source, reconnection }) {
    super()
    this.url = url
    this.upgrades = !transports
    this.options = {
      transports, withCredentials: cookies, forceNew: true, reconnection, reconnectionDelay: 20, reconnectionDelayMax: 200,
      agent: new Agent({ keepAlive: true, localAddress: source }), timeout: patience,
    }
    this.socket = io(url, this.options)
    this.socket.on('welcome', server => this.note({ server, id: this.socket.id }))
    this.socket.on('said', text => this.note(this.heard.push(text)))
    this.socket.on('disconnect', reason => this.note({ server: null, fault: reason }))
    this.socket.on('connect_error', error => this.note({ fault: `${error} ${error.context?.responseText ?? ''}` }))
    this.socket.io.on('open', () => this.socket.io.engine.on('upgrade', () => this.note()))
  }

  note(news) {
    Object.assign(this, news)
    this.emit('news')
  }

  // until awaits a condition, which is looked at whenever something has happened.
  async until(what, holds) {
    const signal = AbortSignal.timeout(patience)
    while (!holds()) {
      await once(this, 'news', { signal }).catch(() => { throw Error(`${what}: in vain after ${this.fault}, ${JSON.stringify(this.state())}`) })
    }
  }

  // settled awaits a connection over the last transport that the client goes for.
  settled(not) {
    return this.until('a connection', () => this.server && this.server !== not && (!this.upgrades || this.transport === 'websocket'))
  }

  get transport() { return this.socket.io.engine?.transport?.name }

  state() { return { server: this.server, id: this.id, transport: this.transport } }

  async exchange() {
    await echo(this.socket, 'grüße')
    await echo(this.socket, { mixed: [1, { deep: randomBytes(100) }], whole: randomBytes(100_000) })
    await Promise.all(Array.from({ length: 50 }, (_, i) => echo(this.socket, i)))
  }

  // staff goes to the namespace that asks for a token.
  async staff() {
    const refused = this.socket.io.socket('/staff', { auth: { token: 'simsalabim' } })
    const [error] = await within('a refusal', once(refused, 'connect_error'))
    if (error.message !== 'who are you?') throw Error(`refused with ${error}`)
    refused.disconnect()
    refused.auth = { token: 'sesame' }
    const welcome = once(refused, 'welcome')
    refused.connect()
    const [server] = await within('a welcome to /staff', welcome)
    if (server !== this.server) throw Error(`/staff is at ${server}, / at ${this.server}`)
    await echo(refused, 'in the namespace')
    refused.disconnect()
  }

  // reconnect has the connection end; the library makes another one by itself.
  async reconnect() {
    const before = this.id
    this.socket.io.engine.close()
    await this.until('an end', () => this.server === null)
    await this.settled()
    if (this.id === before) throw Error('still the same session')
  }
}

const within = (what, promise) => Promise.race([promise,
  once(AbortSignal.timeout(patience), 'abort').then(() => { throw Error(`${what}: in vain`) })])

async function echo(socket, data) {
  const got = await socket.timeout(patience).emitWithAck('echo', data)
  if (!isDeepStrictEqual(got, data)) throw Error('an echo is not what was sent')
}

let clients = []
const states = () => clients.map(c => c.state())
const all = act => Promise.all(clients.map(act)).then(states)

await serve({
  open: async ({ clients: list }) => {
    clients = list.map(options => new Client(options))
    return all(c => c.settled())
  },
  exchange: () => all(c => c.exchange()),
  staff: () => all(c => c.staff()),
  reconnect: () => all(c => c.reconnect()),

  // leave awaits that the clients of a server are at another one.
  leave: ({ server }) => all(c => c.settled(server)),

  // rooms has everybody enter one, the first client at each server speak there, and tells what each client heard.
  async rooms() {
    await all(c => c.socket.timeout(patience).emitWithAck('join', 'lounge'))
    const speakers = new Map(clients.map(c => [c.server, c]))
    for (const [server, c] of speakers) c.socket.emit('say', 'lounge', `hello from ${server}`)
    await all(c => c.until('a word in the room', () => c.heard.length > 0))
    await all(c => echo(c.socket, 'whatever was said before is here now'))
    return clients.map(c => c.heard)
  },

  // attempt tells how many of the clients could both connect and exchange something; none tries twice.
  async attempt({ clients: list }) {
    clients = list.map(options => new Client({ ...options, reconnection: false }))
    const outcomes = await Promise.allSettled(clients.map(async c => {
      await c.until('a connection or a fault', () => c.server || c.fault)
      if (c.fault) throw Error(c.fault)
      const lost = c.until('a fault', () => c.fault).then(() => { throw Error(c.fault) })
      await Promise.race([c.exchange(), lost])
    }))
    for (const c of clients) c.socket.disconnect()
    return outcomes.filter(o => o.status === 'fulfilled').length
  },
})
