import { writeSync } from 'node:fs'

/** Tells the test something, at once, without keeping the process alive. */
export function tell(word, ...more) {
  writeSync(3, `${[word, ...more.map((value) => (typeof value === 'string' ? value : JSON.stringify(value)))].join(' ')}\n`)
}
