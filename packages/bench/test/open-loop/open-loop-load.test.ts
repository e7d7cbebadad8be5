import type { Message, Producer } from 'kafkajs'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openLoopLoad } from '../../src/open-loop/open-loop-load.js'
import { Schedule } from '../../src/open-loop/schedule.js'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

/** A producer whose broker responds after a time, which may depend on the number of the request. */
function producer(responseMs: (request: number) => number) {
  const requests: { readonly at: number; readonly messages: readonly Message[] }[] = []
  const send = ({ messages }: { readonly messages: readonly Message[] }) => {
    const request = requests.push({ at: performance.now(), messages }) - 1
    return new Promise((resolve) => setTimeout(resolve, responseMs(request)))
  }
  return { requests, producer: { send } as unknown as Producer }
}

/** Sends 20 events at a rate of 100 per second. */
function load(
  to: Producer,
  measuredFrom = 0,
): { readonly dueAt: number[]; readonly startAt: number; readonly ended: Promise<number> } {
  const startAt = performance.now()
  const dueAt: number[] = []
  const next = (due: number): Message => ({ value: String(dueAt.push(due - startAt)) })
  const schedule = new Schedule(100, startAt)
  const ended = openLoopLoad(to, { topic: 't', schedule, count: 20, measuredFrom, resolutionMs: 1, next })
  ended.catch(() => {}) // the test awaits it
  return { dueAt, startAt, ended }
}

const every10Ms = Array.from({ length: 20 }, (_, i) => i * 10)

it('events are sent one by one when they are due', async () => {
  const { requests, producer: to } = producer(() => 1)
  const { startAt, ended } = load(to)
  await vi.runAllTimersAsync()
  expect(requests.map(({ at }) => at - startAt)).toEqual(every10Ms)
  expect(await ended).toBeLessThan(1)
})

it('the next events are sent although the broker has not responded', async () => {
  const { requests, producer: to } = producer(() => 45)
  const { startAt, ended } = load(to)
  await vi.runAllTimersAsync()
  expect(requests.map(({ at }) => at - startAt)).toEqual(every10Ms)
  expect(await ended).toBeLessThan(1)
})

it('events that a stalled broker delays are due when they would have been: their delay is measured', async () => {
  const { requests, producer: to } = producer((request) => (request < 5 ? 100 : 1))
  const { dueAt, startAt, ended } = load(to)
  await vi.runAllTimersAsync()
  expect(dueAt).toEqual(every10Ms)
  // five requests are in flight until the first response; then the events of that time are sent together
  const sixth = requests[5]
  expect((sixth?.at ?? 0) - startAt).toBe(100)
  expect(sixth?.messages.map(({ value }) => value)).toEqual(['6', '7', '8', '9', '10', '11'])
  expect(await ended).toBe(50)
})

it('only delays of measured events are reported', async () => {
  const { producer: to } = producer((request) => (request < 5 ? 100 : 1))
  const { ended } = load(to, 8)
  await vi.runAllTimersAsync()
  // the ninth event is due after 80 ms, and is sent after 100 ms
  expect(await ended).toBe(20)
})

it('a request that fails ends the load with its error', async () => {
  const send = () => Promise.reject(new Error('not the leader'))
  const { ended } = load({ send } as unknown as Producer)
  await vi.runAllTimersAsync()
  await expect(ended).rejects.toThrow('not the leader')
})
