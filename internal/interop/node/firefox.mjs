// The calls of closes.mjs with Firefox, driven by WebDriver BiDi. argv: an empty directory for its profile.
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { WebSocket } from 'ws'
import { serve } from './calls.mjs'

const profile = process.argv[2]
writeFileSync(`${profile}/user.js`, ['app.update.enabled', 'browser.shell.checkDefaultBrowser', 'extensions.update.enabled',
  'browser.safebrowsing.malware.enabled', 'browser.safebrowsing.phishing.enabled', 'datareporting.policy.dataSubmissionEnabled',
  'network.captive-portal-service.enabled', 'network.connectivity-service.enabled'].map(name => `user_pref("${name}", false);\n`).join(''))
const firefox = spawn('firefox-esr', ['--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0'],
  { env: { ...process.env, HOME: profile, MOZ_CRASHREPORTER_DISABLE: '1' } })
const gone = new Promise(resolve => firefox.on('exit', resolve).on('error', resolve))

// address is where Firefox says that it listens.
const address = () => new Promise((resolve, reject) => {
  let said = ''
  firefox.stderr.on('data', part => {
    said += part
    const found = /WebDriver BiDi listening on (ws:\S+)/.exec(said)
    if (found) resolve(found[1])
  })
  gone.then(why => reject(Error(`Firefox ended: ${why}\n${said}`)))
})

let socket, context, last = 0
const waiting = new Map()

const command = (method, params) => new Promise((resolve, reject) => {
  waiting.set(++last, { resolve, reject })
  socket.send(JSON.stringify({ id: last, method, params }))
})

function answered(text) {
  const { id, type, result, message } = JSON.parse(text)
  const call = waiting.get(id)
  waiting.delete(id)
  type === 'error' ? call?.reject(Error(message)) : call?.resolve(result)
}

// evaluate has the page work out an expression, whose value is a string.
async function evaluate(expression) {
  const answer = await command('script.evaluate', { expression, target: { context }, awaitPromise: true })
  if (answer.type !== 'success') throw Error(answer.exceptionDetails.text)
  return answer.result.value
}

async function start() {
  socket = new WebSocket(`${await address()}/session`)
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject).on('message', answered))
  const { capabilities } = await command('session.new', { capabilities: { alwaysMatch: { acceptInsecureCerts: true } } })
  context = (await command('browsingContext.create', { type: 'tab' })).context
  await evaluate(`globalThis.sockets = []; globalThis.dial = (url, size) => new Promise(resolve => {
    const socket = new WebSocket(url)
    const number = sockets.push(socket) - 1
    let opened = false
    socket.ended = new Promise(ended => {
      socket.onclose = ({ code, reason, wasClean }) => { ended({ opened, code, reason, clean: wasClean }); resolve(String(number)) }
    })
    socket.onopen = () => { opened = true; if (size > 0) socket.send('x'.repeat(size)); resolve(String(number)) }
  }); ''`)
  return `${capabilities.browserName} ${capabilities.browserVersion}`
}

const started = start()
started.catch(() => {})

await serve({
  // version is null as long as Firefox has not started, which takes it long on a busy machine.
  version: () => Promise.race([started, new Promise(resolve => setTimeout(resolve, 10_000, null))]),
  dial: async ({ url, size }) => Number(await evaluate(`dial(${JSON.stringify(url)}, ${size ?? 0})`)),
  ended: async ({ socket }) => JSON.parse(await evaluate(`sockets[${socket}].ended.then(JSON.stringify)`)),
}, async () => {
  firefox.kill()
  await gone
})
