// A service that makes calls, in a separate process. At each `Place` it waits for a reply of its parent, which may kill it
// instead.
import { type App, run, shutdownSignal } from '@joinery/core'
import { composeLog, type Log, type TaskSession, type TaskWork } from '@joinery/core/log'
import { kafkaLog } from '../../src/index.js'
import { callTopics } from './call-topics.js'
import type { Answer, FromWorker, Place, ToWorker, WorkerOptions } from './worker-messages.js'

const SESSION_TIMEOUT_MS = 3_000
const options = JSON.parse(process.env.WORKER ?? '{}') as WorkerOptions

const waiting = new Map<number, (answer: Answer) => void>()
let asked = 0
let app: App | undefined
const tell = (message: FromWorker): void => {
  process.send?.(message)
}
const ask = (place: Place, n = ''): Promise<Answer> =>
  new Promise((resolve) => {
    waiting.set(++asked, resolve)
    tell({ ask: asked, place, n })
  })

/** The ids of the calls whose state changes to `state` in a commit. */
function broughtTo(state: 'claimed' | 'done', { changelog }: TaskWork): readonly string[] {
  return [...changelog].flatMap(({ key, value }) => {
    const isCall = key[1] === 4 && value !== null && Buffer.from(value).includes(`"state":"${state}"`)
    return isCall ? [Buffer.from(key.subarray(4 + Buffer.from(key).readUInt16BE(2))).toString()] : []
  })
}

/** A session that waits for the parent before and after its commits. */
function asking(session: TaskSession): TaskSession {
  const { token, openedAt, changelog, buffer } = session
  return {
    token,
    openedAt,
    changelog,
    ...(buffer && { buffer: () => buffer.call(session) }),
    close: () => session.close(),
    async commit(work) {
      const claims = broughtTo('claimed', work)
      const outcomes = broughtTo('done', work)
      for (const n of claims) await ask('claim', n)
      for (const n of outcomes) await ask('outcome', n)
      let result = await session.commit(work)
      for (const [place, calls] of [
        ['claimed', claims],
        ['told', outcomes],
      ] as const)
        for (const n of calls) {
          const { outcome } = await ask(place, n)
          if (outcome !== undefined) result = { outcome }
        }
      return result
    },
  }
}

/** A log that waits for the parent before it returns reports or their end offset. */
function spied(source: Log['source']): Log['source'] {
  const isReports = (topic: string) => topic.endsWith('.calls.reports')
  return {
    describe: (topics) => source.describe(topics),
    earliestOffset: (at) => source.earliestOffset(at),
    async endOffset(at, which) {
      const end = await source.endOffset(at, which)
      if (isReports(at.topic)) await ask('end of reports')
      return end
    },
    async *read(from, signal) {
      for await (const batch of source.read(from, signal)) {
        if (isReports(from.topic) && batch.records.length > 0)
          await ask(
            'reports',
            batch.records.some(({ value }) => Buffer.from(value ?? []).includes('"type":"report"')) ? 'of a call' : '',
          )
        yield batch
      }
    },
  }
}

async function main(): Promise<void> {
  const { id, brokers, clientId, service, timeout, isMember } = options
  const kafka = kafkaLog({ brokers: [...brokers], clientId, sessionTimeout: SESSION_TIMEOUT_MS })
  const tasks: Log['tasks'] = {
    guarantees: kafka.tasks.guarantees,
    prepare: (given) => kafka.tasks.prepare(given),
    open: async (given) => asking(await kafka.tasks.open(given)),
  }
  const parts = {
    source: spied(kafka.source),
    sink: kafka.sink,
    tasks,
    close: async () => kafka[Symbol.asyncDispose](),
  }
  await using log: Log = composeLog(isMember ? { ...parts, group: kafka.group } : parts)
  const {
    application,
    asked: requested,
    pipeline,
  } = callTopics(id, timeout, async ({ n }, call) => {
    const { url = service, bytes = 1, isLate = false } = await ask('call', n)
    if (isLate) await ask('too late', n)
    const { status } = await call.fetch(`${url}/${n}`, { method: 'POST', body: 'x'.repeat(bytes) })
    await ask('answered', n)
    return { status }
  })
  process.on('message', (message: ToWorker) => {
    if (message === 'totals')
      tell({ totals: app?.metrics().pipelines[requested.name], gauges: app?.metrics().gauges, health: app?.health() })
    else {
      waiting.get(message.ask)?.(message.answer)
      waiting.delete(message.ask)
    }
  })
  const signal = shutdownSignal()
  app = await run(pipeline, {
    application,
    log,
    signal,
    onEvent: ({ type, ...about }) => {
      if ('to' in about) tell({ event: about.to })
      else tell({ event: type, about: 'error' in about ? String(about.error) : about })
    },
  })
  app.ready.then(
    () => tell({ event: 'ready' }),
    () => {}, // `closed` rejects with the same error
  )
  await app.closed
}

const parentGone = () => process.exit(2)
process.once('disconnect', parentGone)
main()
  .catch((error: unknown) => {
    tell({ failed: `${(error as { code?: string }).code}: ${String(error)}` })
    process.exitCode = 1
  })
  .finally(() => {
    process.removeListener('disconnect', parentGone)
    process.disconnect()
  })
