// The page's client.mjs in Chromium: the same lines on stdout, and an end when the connection has ended for good.
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
})
const page = await browser.newPage()
const script = name => readFileSync(name, 'utf8').replace(/^import .*$/gm, '').replace(/^globalThis.*$/gm, '').replace(/^export /gm, '')
const ended = new Promise(resolve => page.on('console', message => {
  if (message.type() === 'log') console.log(message.text())
  if (message.text().startsWith('ended')) resolve()
}))
page.on('pageerror', error => { console.log(error.stack); process.exit(1) })
await page.addScriptTag({ type: 'module', content: script('connection.mjs') + script('client.mjs') })
await ended
await browser.close()
