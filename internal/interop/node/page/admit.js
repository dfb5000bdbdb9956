// What admit_guest_test.go has a page do with WebSockets that a gateway lets in or refuses.
const guests = []

class Guest {
  #events = []
  #wake = () => {}

  constructor(url) {
    this.ws = new WebSocket(url)
    this.ws.onopen = () => this.#tell({ event: 'open' })
    this.ws.onmessage = () => this.#tell({ event: 'message' })
    this.ws.onclose = ({ code, reason }) => this.#tell({ event: 'close', code, reason })
  }

  #tell(event) {
    this.#events.push(event)
    this.#wake()
  }

  async next() {
    while (this.#events.length === 0) await new Promise(resolve => { this.#wake = resolve })
    return this.#events.shift()
  }
}

const dial = url => guests.push(new Guest(url)) - 1

function send(guest, count) {
  for (let i = 0; i < count; i++) guests[guest].ws.send(`message ${i}`)
}

const next = guest => guests[guest].next()
