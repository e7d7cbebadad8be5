import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { doubtInfo, read, send } from '@joinery/core'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { bundle } from '../../testbed/src/bundle.js'
import type {} from '../../testbed/src/vitest-setup.js'
import { kafkaLog } from '../src/index.js'
import { CallService, callTopics, type Point } from './support/calls.js'
import { createTopics, unique } from './support/topics.js'
import { WorkerProcess } from './support/worker-process.js'

const brokers = inject('brokers')
const CALLS = 6
/** The calls that something happens to. */
const CHOSEN = ['1', '3', '5']
/** Waits for a condition; `expect.poll` cannot in tests that run at once. */
const until = (holds: () => boolean): Promise<boolean> => vi.waitUntil(holds, { timeout: 60_000, interval: 20 })
const folder = mkdtempSync(join(tmpdir(), 'joinery-calls-'))
const workers: WorkerProcess[] = []
let program: string

beforeAll(async () => {
  program = await bundle(new URL('./fixtures/call-worker.ts', import.meta.url).pathname)
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.kill()))
  await rm(dirname(program), { recursive: true, force: true })
  await rm(folder, { recursive: true, force: true })
})

/** Asks a worker to end, once it can be asked. */
async function closed(worker: WorkerProcess): Promise<void> {
  await until(() => worker.report !== undefined)
  await worker.close()
}

/** An application, its service, and everything that was written, as it comes. */
async function begin(options: { readonly point: Point; readonly timeout?: string; readonly group?: 'kafka' }) {
  const id = unique()('').slice(1)
  const { asked, results, inDoubt } = callTopics(id, '1s', 1_000, async () => ({ status: 0 }))
  const one = { partitions: 1 }
  await createTopics(
    { brokers },
    { topic: asked.name, ...one },
    { topic: results.name, ...one },
    { topic: inDoubt, ...one },
  )
  const service = new CallService(join(folder, id))
  await service.start()
  const log = kafkaLog({ brokers })
  const stop = new AbortController()
  const done: string[] = []
  const doubts: string[] = []
  const reading = Promise.all([
    (async () => {
      for await (const { key } of read(log, results, { signal: stop.signal })) done.push(String(key))
    })(),
    (async () => {
      for await (const { headers } of read(log, asked.named(inDoubt), { signal: stop.signal }))
        doubts.push(doubtInfo(headers)?.id.slice('call-'.length) ?? '')
    })(),
  ])
  const start = (at: readonly string[]): WorkerProcess => {
    const { point, timeout = '300ms', group = '' } = options
    const env = { ID: id, SERVICE: service.url, HOLE: service.hole, POINT: point, AT: at.join(','), TIMEOUT: timeout }
    const worker = new WorkerProcess(program, { ...env, BROKERS: brokers.join(','), GROUP: group })
    workers.push(worker)
    return worker
  }
  return {
    service,
    done,
    doubts,
    start,
    ask: (...all: readonly number[]) => send(log, asked, ...all.map((n) => ({ key: String(n), value: { n } }))),
    async [Symbol.asyncDispose]() {
      stop.abort()
      await reading
      await log[Symbol.asyncDispose]()
      await service[Symbol.asyncDispose]()
    },
  }
}

const numbers = Array.from({ length: CALLS }, (_, n) => String(n))
const sorted = (list: readonly string[]) => [...list].sort()

describe.concurrent('a process that is killed', () => {
  // what the crash table of docs/call-once.md says
  it.each<[Point, 'done' | 'in doubt', number]>([
    ['before the claim is sent', 'done', 1],
    ['after the claim is committed', 'in doubt', 0],
    ['before the request', 'in doubt', 0],
    ['while connecting', 'in doubt', 0],
    ['while the request is sent', 'in doubt', 1],
    ['before the answer', 'in doubt', 1],
    ['after the answer', 'in doubt', 1],
    ['before the outcome is sent', 'in doubt', 1],
    ['after the outcome is committed', 'done', 1],
    ['after the outcome is acknowledged', 'done', 1],
  ])(
    '%s: its call is %s, after %i requests',
    async (point, state, requests) => {
      // a call that takes too long is in doubt, too: on a busy machine it has time
      await using world = await begin({ point, timeout: state === 'done' ? '10s' : '2s' })
      let worker: WorkerProcess | undefined
      for (const n of numbers) {
        const isChosen = CHOSEN.includes(n)
        if (isChosen && worker !== undefined) await closed(worker)
        if (isChosen || worker === undefined) worker = world.start(isChosen ? [n] : [])
        const running = worker
        world.service.connected = () => running.kill()
        await world.ask(Number(n))
        if (isChosen) {
          expect(await worker.ended).toBe('SIGKILL')
          worker = undefined
        } else await until(() => world.done.includes(n)) // or else its outcome goes with the next claim
      }
      if (worker !== undefined) await closed(worker)
      const last = world.start([])
      await until(() => world.done.length + world.doubts.length === CALLS && last.report !== undefined)
      expect(await last.close()).toBe(0)
      expect(sorted(world.doubts)).toEqual(state === 'in doubt' ? CHOSEN : [])
      expect(sorted([...world.done, ...world.doubts])).toEqual(numbers)
      for (const n of numbers) expect(world.service.requests.get(n) ?? 0).toBe(CHOSEN.includes(n) ? requests : 1)
    },
    120_000,
  )
})

describe.concurrent('a process that lives makes exactly one request, and has nothing in doubt, though', () => {
  it.each<Point>([
    'the claim is rejected',
    'the answer to the claim is lost',
    'the answer to the outcome is lost',
    'the outcome is refused',
    'the outcome is said to be refused',
  ])(
    '%s',
    async (point) => {
      await using world = await begin({ point, timeout: '10s' })
      await world.ask(...numbers.map(Number))
      const worker = world.start(CHOSEN)
      await until(() => world.done.length === CALLS)
      expect(await worker.close()).toBe(0)
      expect(world.doubts).toEqual([])
      expect(sorted(world.done)).toEqual(numbers)
      for (const n of numbers) expect(world.service.requests.get(n)).toBe(1)
    },
    120_000,
  )
})

describe.concurrent('a process that stands still for longer than its session, while another takes over, leaves one request', () => {
  it.each<Point>(['frozen before the call', 'frozen in the call', 'frozen after the answer'])(
    '%s',
    async (point) => {
      await using world = await begin({ point, timeout: '30s', group: 'kafka' })
      const frozen = world.start(['1'])
      await until(() => frozen.report !== undefined)
      await world.ask(...numbers.map(Number))
      await until(() => frozen.isStopped)
      const other = world.start([])
      await until(() => other.report !== undefined)
      await until(() => frozen.isStopped)
      frozen.thaw()
      await until(() => world.done.length === CALLS)
      expect(await Promise.all([frozen.close(), other.close()])).toEqual([0, 0])
      expect(world.doubts).toEqual([])
      expect(sorted(world.done)).toEqual(numbers)
      for (const n of numbers) expect(world.service.requests.get(n)).toBe(1)
    },
    120_000,
  )
})
