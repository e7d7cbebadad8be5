// Measures the cost of startup with a table: starts an application with one table, stops it with SIGTERM or SIGKILL, and starts
// it again. Each start prints what it read, when it was ready, and the processor time and memory per row. The environment
// variables are KAFKA_BROKERS, STORE, ROWS, BYTES and WAITERS; PEER=COMMAND measures another program instead (see peers/).
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { json, produce, text, topic } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import { createTopics } from './create-topics.js'
import { rowValue } from './row-value.js'

const {
  KAFKA_BROKERS,
  STORE = 'memory',
  ROWS = '1000000',
  BYTES = '500',
  WAITERS = '0',
  PARTITIONS = '4',
  PEER,
  ENDS = 'SIGTERM,SIGKILL,SIGTERM',
} = process.env
if (KAFKA_BROKERS === undefined) throw new Error('set KAFKA_BROKERS')
const brokers = KAFKA_BROKERS.split(',')
const CHUNK = 5_000
/** One data set for each shape. It is loaded once, and read by every run. */
const data = `restore-${ROWS}-${BYTES}-${WAITERS}-${PARTITIONS}`
const rows = topic(`${data}-rows`, { key: text(), value: json<Record<string, unknown>>() })
const events = topic(`${data}-events`, { key: text(), value: json<{ readonly activationId: string }>() })

/** Loads the topics, unless they exist. */
async function load(results: string): Promise<void> {
  await using log = kafkaLog({ brokers })
  const numPartitions = Number(PARTITIONS)
  await createTopics(log, brokers, numPartitions, { [results]: 'delete' })
  const isNew = await createTopics(log, brokers, numPartitions, { [events.name]: 'delete', [rows.name]: 'compact' })
  if (!isNew) return
  const chunk = (from: number, to: number) => Array.from({ length: Math.min(CHUNK, to - from) }, (_, i) => from + i)
  for (let i = 0; i < Number(ROWS); i += CHUNK)
    await produce(
      log,
      rows,
      ...chunk(i, Number(ROWS)).map((n) => ({ key: `p-${n}`, value: rowValue(n, Number(BYTES)) })),
    )
  for (let i = 0; i < Number(WAITERS); i += CHUNK)
    await produce(
      log,
      events,
      ...chunk(i, Number(WAITERS)).map((n) => ({ key: `later-${n}`, value: { activationId: `a-${n}` } })),
    )
}

/** Starts the program, and waits for its output line. */
async function started(application: string, results: string, directory: string): Promise<ChildProcess> {
  const env = {
    ...process.env,
    GROUP_ID: application,
    INFORMATION_TOPIC: rows.name,
    ACTIVATION_TOPIC: events.name,
    OUT_TOPIC: results,
    STORE,
    ROWS,
    WAITERS,
    STATE_DIR: directory,
    GUARANTEE: 'exactly_once',
  }
  const instance = fileURLToPath(new URL('restore-instance.js', import.meta.url))
  const child =
    PEER === undefined
      ? spawn(process.execPath, ['--expose-gc', ...process.execArgv, instance], {
          env,
          stdio: ['pipe', 'pipe', 'inherit'],
        })
      : spawn(PEER, { env, stdio: ['pipe', 'pipe', 'inherit'], shell: '/bin/bash' })
  const lines = createInterface({ input: child.stdout as Readable })
  const [line] = (await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => ['it has exited'])])) as [
    string,
  ]
  console.log(`  ${line}`)
  return child
}

const application = `restore-${Date.now()}`
const results = `${application}-results`
await load(results)
const directory = mkdtempSync(join(tmpdir(), 'joinery-restore-'))
console.log(`${PEER ?? STORE}, ${ROWS} rows of ${BYTES} bytes, ${WAITERS} waiting events; first startup`)
let child = await started(application, results, directory)
for (const signal of ENDS.split(',') as NodeJS.Signals[]) {
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
  console.log(`after ${signal}`)
  child = await started(application, results, directory)
}
const ended = once(child, 'exit')
child.kill('SIGTERM')
await ended
rmSync(directory, { recursive: true, force: true })
