// Measures how long it takes until results arrive again after SIGKILL: programs, in turn, join a steady stream with a table
// while other events wait, are killed, and are started again at once. The group assigns the tasks to the new process once the
// session of the old one has timed out (10 s); the result is the time beyond that. KAFKA_BROKERS names the brokers.
//   node dist/recovery.js [--runs 3] [--rate 2000] [--rows 100000] [--waiters 10000] [NAME=COMMAND ...]
// A command is one process with the environment variables of activation.js, which is the default program.
import { parseArgs } from 'node:util'
import { consume, json, produce, text, topic } from '@joinery/core'
import { kafkaLog } from '@joinery/kafkajs'
import kafkajs from 'kafkajs'
import { BenchmarkedProcess } from './benchmarked-process.js'
import { createTopics } from './create-topics.js'
import { joinery, parseProgram } from './measured-program.js'
import { type Activation, OutputLedger } from './output-ledger.js'

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '3' },
    rate: { type: 'string', default: '2000' },
    rows: { type: 'string', default: '100000' },
    waiters: { type: 'string', default: '10000' },
    partitions: { type: 'string', default: '4' },
    'session-ms': { type: 'string', default: '10000' },
  },
})
const [ROWS, WAITERS, RATE] = [Number(options.rows), Number(options.waiters), Number(options.rate)]
const SESSION_MS = Number(options['session-ms'])
const brokers = (process.env.KAFKA_BROKERS ?? 'localhost:9092').split(',')
const programs = positionals.length > 0 ? positionals.map(parseProgram) : [joinery()]

const TICK_MS = 10
const CHUNK = 5_000
/** Results that arrive later after the kill than this were written by the new process. */
const IN_FLIGHT_MS = 1_000
/** The backlog is drained once no event has been without a result for longer than this. */
const DRAINED_AGE_MS = 1_000
const STEADY_MS = 3_000

interface Information {
  readonly productId: string
  readonly externalId: string
  readonly name: string
  readonly category: string
  readonly price: number
  readonly updatedAt: string
}

const { Kafka, logLevel } = kafkajs
const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
const numPartitions = Number(options.partitions)
const externalIdOf = (productId: string): string => `ext-of-${productId}`
const productOf = (n: number): string => `p-${(n * 7_919) % ROWS}`
const lateProductOf = (n: number): string => `late-${n}`
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function row(productId: string): { key: string; value: Information } {
  const [name, category] = ['Team plan, annual', 'software/subscriptions']
  const updatedAt = '2026-11-01T00:00:00.000000Z'
  return {
    key: productId,
    value: { productId, externalId: externalIdOf(productId), name, category, price: 10.5, updatedAt },
  }
}

async function until(what: string, isTrue: () => boolean, timeoutMs = 180_000): Promise<void> {
  const began = performance.now()
  while (!isTrue()) {
    if (performance.now() - began > timeoutMs) throw new Error(`timed out waiting for ${what}`)
    await sleep(TICK_MS)
  }
}

async function recover(name: string, command: string): Promise<void> {
  const id = `recovery-${name}-${Date.now()}`
  const information = topic(`${id}-information`, { key: text(), value: json<Information>() })
  const activations = topic(`${id}-activations`, { key: text(), value: json<Activation>() })
  const notifications = topic(`${id}-notifications`, {
    key: text(),
    value: json<Omit<Activation, 'channel'> & { externalId: string }>(),
  })
  await using log = kafkaLog({ brokers })
  const topics = {
    [information.name]: 'compact',
    [activations.name]: 'delete',
    [notifications.name]: 'delete',
  } as const
  await createTopics(log, brokers, numPartitions, topics)
  const ledger = new OutputLedger(externalIdOf)
  const reading = new AbortController()
  const received = (async () => {
    for await (const { value } of consume(log, notifications, { signal: reading.signal }))
      if (value !== null) ledger.received(value)
  })()
  const activate = (productId: string) => ({ key: productId, value: ledger.sent(productId) })

  for (let i = 0; i < ROWS; i += CHUNK)
    await produce(log, information, ...Array.from({ length: CHUNK }, (_, j) => row(`p-${i + j}`)))
  const waiting = Array.from({ length: WAITERS }, (_, n) => activate(lateProductOf(n)))
  for (let i = 0; i < WAITERS; i += CHUNK) await produce(log, activations, ...waiting.slice(i, i + CHUNK))
  ledger.startCounting()

  const program = new BenchmarkedProcess(command, {
    KAFKA_BROKERS: brokers.join(),
    GROUP_ID: id,
    INFORMATION_TOPIC: information.name,
    ACTIVATION_TOPIC: activations.name,
    OUT_TOPIC: notifications.name,
    STORE: process.env.STORE ?? 'memory',
    GUARANTEE: 'exactly_once',
  })
  program.start()
  let isSending = true
  const sending = (async () => {
    const began = performance.now()
    for (let count = 0; isSending; ) {
      const due = Math.floor(((performance.now() - began) * RATE) / 1_000)
      const some = Array.from({ length: due - count }, (_, i) => activate(productOf(count + i)))
      count = due
      if (some.length > 0) await produce(log, activations, ...some)
      await sleep(TICK_MS)
    }
  })()
  const isDrained = () => ledger.results > 0 && ledger.oldestAgeMs() < DRAINED_AGE_MS
  await until('the first results', isDrained)
  await sleep(STEADY_MS)
  await until('a steady state', isDrained)

  const killedAt = performance.now()
  await program.kill()
  program.start()
  await sleep(IN_FLIGHT_MS)
  const before = ledger.results
  await until('results of the new process', () => ledger.results > before)
  const firstMs = ledger.lastAt - killedAt
  const firstCpuSeconds = program.cpuSeconds()
  await until('a drained backlog', isDrained)
  const drainedMs = performance.now() - killedAt
  const drainedCpuSeconds = program.cpuSeconds()
  isSending = false
  await sending
  await until('all results', () => ledger.outstanding === 0, 30_000).catch(() => {})
  const lost = ledger.outstanding
  // the events that wait, if the program supports waiting
  for (let i = 0; i < WAITERS; i += CHUNK)
    await produce(log, information, ...Array.from({ length: CHUNK }, (_, j) => row(lateProductOf(i + j))))
  await until('the events that waited', () => ledger.waiting === 0, 10_000).catch(() => {})
  await program.stop()
  reading.abort()
  await received
  const beyond = (ms: number) => Math.round(ms - SESSION_MS) / 1_000
  console.log(
    JSON.stringify({
      name,
      firstResultBeyondSessionS: beyond(firstMs),
      drainedBeyondSessionS: beyond(drainedMs),
      firstCpuSeconds,
      drainedCpuSeconds,
      results: ledger.results,
      lost,
      duplicates: ledger.duplicates,
      wrong: ledger.wrong,
      joinedAfterWaiting: WAITERS - ledger.waiting,
    }),
  )
  await admin.deleteTopics({ topics: Object.keys(topics) })
}

await admin.connect()
for (let i = 0; i < Number(options.runs); i++)
  for (const { name, command } of programs) if (command !== undefined) await recover(name, command)
await admin.disconnect()
