// The script's side of node_test.go: calls come on stdin, one JSON object {do, args} a line, and each is answered on
// stdout with {result} or {error} before the next is read. A script ends when its stdin is closed.
import { createInterface } from 'node:readline'

// serve answers calls with the functions of commands, and ends the process after them.
export async function serve(commands, end = () => {}) {
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, args } = JSON.parse(line)
    let answer
    try {
      answer = { result: (await commands[name](args ?? {})) ?? null }
    } catch (error) {
      answer = { error: error.stack }
    }
    process.stdout.write(JSON.stringify(answer) + '\n')
  }
  await end()
  process.exit(0)
}
