// What browser_socketio_test.go has the page of a Socket.IO server do.
const patience = 10_000 // milliseconds
const news = new EventTarget()
let socket, server, upgrades

// join connects over the given transports; null: the library's choice. The server is the page's own, or at url on another site.
function join(transports, url = '', withCredentials = false) {
  upgrades = !transports
  socket = io(url, { transports, withCredentials, reconnectionDelay: 20, reconnectionDelayMax: 200, timeout: patience })
  socket.on('welcome', name => tell(name))
  socket.on('disconnect', () => tell(null))
  socket.io.on('open', () => socket.io.engine.on('upgrade', () => tell(server)))
  return seated()
}

function tell(name) {
  server = name
  news.dispatchEvent(new Event('news'))
}

// seated awaits a connection, not to the server of that name, over the last transport that the library goes for.
async function seated(not) {
  const deadline = AbortSignal.timeout(patience)
  const transport = () => socket.io.engine?.transport?.name
  while (!server || server === not || upgrades && transport() !== 'websocket') {
    await new Promise((resolve, reject) => {
      news.addEventListener('news', resolve, { once: true })
      deadline.addEventListener('abort', () => reject(Error(`at ${server} over ${transport()}`)))
    })
  }
  return { server, id: socket.id, transport: transport() }
}

async function exchange() {
  const bytes = crypto.getRandomValues(new Uint8Array(60_000))
  const echo = data => socket.timeout(patience).emitWithAck('echo', data)
  const same = new Uint8Array(await echo(bytes)).every((byte, i) => byte === bytes[i])
  const echoes = await Promise.all(Array.from({ length: 50 }, (_, i) => echo(`grüße ${i}`)))
  if (!same || echoes.some((text, i) => text !== `grüße ${i}`)) throw Error('an echo is not what was sent')
}

// reconnect has the connection end; the library makes another one by itself.
function reconnect() {
  socket.io.engine.close()
  return seated()
}

// polled are the protocols that polls went over.
const polled = () => [...new Set(performance.getEntriesByType('resource')
  .filter(e => e.name.includes('transport=polling')).map(e => e.nextHopProtocol))]
