// Chromium from the system, driven by calls: pages are opened, and expressions are evaluated in them.
import { chromium } from 'playwright-core'
import { serve } from './calls.mjs'

let browser
const pages = []

await serve({
  // start takes the hashes of the public keys that are believed in spite of who signed them.
  async start({ pins }) {
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', `--ignore-certificate-errors-spki-list=${pins}`],
    })
    return browser.version()
  },

  // open loads a page. It shares neither cookies nor connections with the others.
  async open({ url }) {
    const page = await (await browser.newContext()).newPage()
    page.on('pageerror', error => console.error(`${url}: ${error.stack}`))
    const answer = await page.goto(url)
    const { subjectName: certificate } = await answer.securityDetails() ?? {}
    return { page: pages.push(page) - 1, status: answer.status(), certificate }
  },

  evaluate: ({ page, expression }) => pages[page].evaluate(expression),
}, () => browser?.close())
