// What browser_test.go has the page do. Each function fails if an echo is not what was sent.
const sockets = []

// protocols are those that the page and all that belongs to it came over.
const protocols = () => performance.getEntries().filter(e => e.nextHopProtocol !== undefined)
  .map(e => `${new URL(e.name).pathname} ${e.nextHopProtocol}`)

// get asks for a path anew.
const get = async path => (await fetch(path, { cache: 'no-store' })).text()

// upload posts so many bytes and reads them back.
async function upload(size) {
  const sent = noise(size)
  const answer = await fetch('/upload', { method: 'POST', body: sent })
  same(new Uint8Array(await answer.arrayBuffer()), sent)
}

// connect opens a WebSocket, whose backend tells its name first.
async function connect() {
  const ws = new WebSocket(`wss://${location.host}/echo`)
  ws.binaryType = 'arraybuffer'
  ws.ended = new Promise(resolve => ws.addEventListener('close', resolve))
  const backend = (await receive(ws, 1))[0]
  return { socket: sockets.push(ws) - 1, backend, extensions: ws.extensions }
}

// receive collects the next messages.
function receive(ws, count) {
  const messages = []
  return new Promise((resolve, reject) => {
    ws.onmessage = ({ data }) => { if (messages.push(data) === count) resolve(messages) }
    ws.onclose = ({ code, reason }) => reject(Error(`closed with ${code} ${reason} after ${messages.length} of ${count} messages`))
  })
}

async function echoText(socket, text) {
  const [echo] = await exchange(socket, [text])
  if (echo !== text) throw Error(`a text of ${text.length} characters came back as another`)
}

async function echoBinary(socket, size) {
  const sent = noise(size)
  const [echo] = await exchange(socket, [sent])
  same(new Uint8Array(echo), sent)
}

// echoMany sends small messages without waiting for their echoes.
async function echoMany(socket, count) {
  const sent = Array.from({ length: count }, (_, i) => `message ${i}`)
  const echoes = await exchange(socket, sent)
  const wrong = echoes.findIndex((echo, i) => echo !== sent[i])
  if (wrong !== -1) throw Error(`message ${wrong} came back as ${echoes[wrong]}`)
}

function exchange(socket, messages) {
  const ws = sockets[socket]
  const echoes = receive(ws, messages.length)
  for (const message of messages) ws.send(message)
  return echoes
}

// ended awaits a WebSocket's end.
async function ended(socket) {
  const { code, reason } = await sockets[socket].ended
  return { code, reason }
}

function noise(size) {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536)) // its most
  return bytes
}

function same(got, want) {
  const wrong = got.length === want.length ? want.findIndex((byte, i) => byte !== got[i]) : Math.min(got.length, want.length)
  if (wrong !== -1) throw Error(`${got.length} bytes for ${want.length}, different at ${wrong}`)
}
