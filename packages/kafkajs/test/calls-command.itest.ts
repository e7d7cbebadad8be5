import { consume, json, produce, run, stream, text, topic } from '@joinery/core'
import { crash } from '@joinery/core/testing'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import type {} from '../../testbed/src/vitest-setup.js'
import { runCommand } from '../src/cli/run-command.js'
import { kafkaLog } from '../src/index.js'
import { createTopics, unique } from './support/topics.js'

const brokers = inject('brokers')
const name = unique()
const application = name('service-b')
const asked = topic(name('asked'), { key: text(), value: json<{ n: number }>() })
const results = topic(name('results'), { key: text(), value: json<{ status: number }>() })
const inDoubt = name('in-doubt')
const log = kafkaLog({ brokers: [...brokers] })
const id = (n: number) => `call-${n}`
const why = ['--decided-by', 'ops', '--reason', 'the service has it in its log']

/** Whether calls get a response: at first never, then at once. */
let answers = false
const requests: number[] = []
const pipeline = stream(asked)
  .callOnce(
    async ({ n }) => {
      requests.push(n)
      return answers ? { status: 200 } : new Promise<never>(() => {})
    },
    { inDoubt: { deadLetter: inDoubt }, id: ({ n }) => id(n), timeout: '100ms', concurrency: 8 },
  )
  .to(results)

/** What a command prints, and its exit code. */
async function joinery(...args: string[]) {
  const written = { out: '', err: '' }
  const code = await runCommand([...args, '--application', application, '--brokers', brokers.join(',')], {
    env: {},
    out: (text) => {
      written.out += text
    },
    err: (text) => {
      written.err += text
    },
  })
  return { code, ...written }
}
const listed = async (): Promise<readonly Record<string, unknown>[]> => {
  const { out } = await joinery('calls', 'list', '--json')
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('joinery calls', () => {
  beforeAll(async () => {
    const one = { partitions: 1 }
    await createTopics(
      { brokers },
      { topic: asked.name, ...one },
      { topic: results.name, ...one },
      { topic: inDoubt, ...one },
    )
    const first = await run(pipeline, { application, log })
    await produce(log, asked, ...[1, 2, 3].map((n) => ({ key: `p${n}`, value: { n } })))
    await vi.waitFor(() => expect(requests).toHaveLength(3), { timeout: 20_000 })
    await crash(first)
    const second = await run(pipeline, { application, log })
    await vi.waitFor(async () => expect(await listed()).toHaveLength(3), { timeout: 30_000, interval: 200 })
    await second.close()
  })
  afterAll(() => log[Symbol.asyncDispose]())

  it('lists the calls in doubt, as text and as JSON', async () => {
    const [doubt] = await listed()
    expect(doubt).toMatchObject({
      id: id(1),
      pipeline: asked.name,
      claimantFinished: expect.any(Boolean),
      claimant: { pid: process.pid },
      origin: { topic: asked.name, partition: 0, offset: 0 },
      key: 'p1',
      value: '{"n":1}',
    })
    const { code, out, err } = await joinery('calls', 'list')
    expect({ code, err }).toEqual({ code: 0, err: '\n3 calls are in doubt.\n' })
    expect(out).toContain(`process ${process.pid} on `)
  })

  it('rejects what could cause a second request, and calls that are not in doubt', async () => {
    const unfinished = await joinery('calls', 'resolve', '--id', id(2), '--not-sent', ...why)
    expect(unfinished).toMatchObject({ code: 3, out: '', err: expect.stringContaining('--claimant-has-ended') })
    const unknown = await joinery('calls', 'resolve', '--id', 'call-9', '--abandoned', ...why)
    expect(unknown).toMatchObject({ code: 3, out: '', err: expect.stringContaining('is not in doubt') })
    const stale = await joinery('calls', 'resolve', '--id', id(2), '--token', 'another', '--abandoned', ...why)
    expect(stale).toMatchObject({ code: 3, out: '', err: expect.stringContaining('another claim') })
    expect(await listed()).toHaveLength(3)
  })

  it('reports that no such application has run', async () => {
    const args = ['calls', 'list', '--application', name('nobody'), '--brokers', brokers.join(',')]
    let err = ''
    const code = await runCommand(args, {
      env: {},
      out: () => {},
      err: (text) => {
        err += text
      },
    })
    expect(code).toBe(1)
    expect(err).toContain('has not run here')
  })

  it('resolves without the application, which applies the decision when it runs', async () => {
    const sure = [...why, '--claimant-has-ended']
    const [first] = await listed()
    const token = String(first?.token)
    const done = await joinery(
      'calls',
      'resolve',
      '--id',
      id(1),
      '--token',
      token,
      '--done',
      '--result',
      '{"status":201}',
      ...sure,
      '--json',
    )
    expect(done.code).toBe(0)
    expect(JSON.parse(done.out)).toMatchObject({ id: id(1), token, outcome: 'done', decidedBy: 'ops' })
    expect(await joinery('calls', 'resolve', '--id', id(2), '--not-sent', ...sure)).toMatchObject({ code: 0 })
    expect(await joinery('calls', 'resolve', '--id', id(3), '--abandoned', ...sure)).toMatchObject({ code: 0 })
    answers = true
    await using app = await run(pipeline, { application, log })
    await vi.waitFor(() => expect(app.metrics().pipelines[asked.name]).toMatchObject({ in: 3, waiting: 0 }), {
      timeout: 20_000,
    })
    expect(app.metrics().pipelines[asked.name]).toMatchObject({
      in: 3,
      emitted: 2,
      dropped: { abandoned: 1 },
      inDoubt: 3,
    })
    expect(requests.sort()).toEqual([1, 2, 2, 3])
    const written: unknown[] = []
    for await (const { key, value } of consume(log, results, { until: 'end' })) written.push([key, value])
    expect(written).toEqual([
      ['p1', { status: 201 }],
      ['p2', { status: 200 }],
    ])
    expect(await joinery('calls', 'list')).toMatchObject({ code: 0, out: '', err: 'No call is in doubt.\n' })
  })
})
