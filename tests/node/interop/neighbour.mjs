// A host that has the database open by its own driver while another process syncs, until its standard input ends.
//
// Usage: RUNTIME neighbour.mjs DRIVER PATH
// Prints "open" once it has written a row, and at the end one line of JSON: how many rows it has written, and the skills that
// it sees through the connection that was open all the time.
const [driver, path] = process.argv.slice(2)
const module = await import(driver)
const Driver = module.DatabaseSync ?? module.Database ?? module.default
const db = new Driver(path)
db.exec('PRAGMA busy_timeout = 5000')
db.exec('CREATE TABLE of_the_host (x)')
const insert = db.prepare('INSERT INTO of_the_host (x) VALUES (?)')

let written = 0
let isEnd = false
process.stdin.on('end', () => (isEnd = true)).resume()
while (!isEnd) {
  insert.run(written)
  written += 1
  if (written === 1) console.log('open')
  await new Promise((resolve) => setTimeout(resolve, 2))
}
const skills = db.prepare('SELECT count(*) AS n FROM skills').get().n
db.close()
console.log(JSON.stringify({ written, skills }))
