/** Writes an event as a line of JSON to standard error; replace it with your logger. */
export function logEvent(event: object): void {
  const line = { time: new Date().toISOString(), ...event }
  process.stderr.write(`${JSON.stringify(line, (_, value) => (value instanceof Error ? value.message : value))}\n`)
}
