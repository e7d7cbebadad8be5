import { describe, expect, it } from 'vitest'
import { consume } from '../../../src/app/consume.js'
import { produce } from '../../../src/app/produce.js'
import { memoryLog, run, stream, table, text, topic } from '../../../src/index.js'
import { planApplication } from '../../../src/pipeline/plan.js'
import { pipelineHash } from '../../../src/task/pipeline-fingerprint.js'

const serdes = { key: text(), value: text() }
const events = topic('events', serdes)
const rows = topic('rows', serdes)
const out = topic('out', serdes)
const pipeline = stream(events, { name: 'p' })
  .join(table(rows), (value, row) => `${value}+${row}`, { wait: { atMost: '100000d', otherwise: 'drop' } })
  .to(out)

const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex')

/** A log whose changelog was written by hand; `rows` is an ordinary topic, so its rows lie in the changelog. */
async function logWith(...changelog: readonly (readonly [key: string, value: Buffer | null])[]) {
  const log = memoryLog({ topics: { 'app-changelog': { cleanup: 'compact' } } })
  await produce(log, events, { key: 'k', value: 'v' }, { key: 'j', value: 'w' })
  await log.sink.append(
    changelog.map(([key, value]) => ({ topic: 'app-changelog', key: hex(key), value, timestamp: 0, headers: [] })),
  )
  return log
}

async function positionOf(log: ReturnType<typeof memoryLog>, totals: object) {
  const [events, rows] = await log.source.describe(['events', 'rows'])
  const json = JSON.stringify({
    writtenAt: 0,
    inputs: { events: { id: events?.id, next: 1 }, rows: { id: rows?.id, next: 0 } },
    partitions: 1,
    hash: pipelineHash(planApplication('app', pipeline), new Set(['rows'])),
    totals: { p: totals },
  })
  return Buffer.concat([hex('01'), Buffer.from(json)])
}

const OWNER = ['01 00', hex(`02 ${'ab'.repeat(16)}`)] as const
/** Event k=v at offset 0 of pipeline p, which arrived in 1970. */
const WAITER = [
  '01 02 0001 70 0000000000000000',
  hex('01 0000000000000000 0000000000000000 00000001 6b 00000001 76 00000000'),
] as const
/** Row j=r of table rows. */
const ROW = ['01 03 0004 726f7773 6a', hex('01 72')] as const
const TOTALS = { in: 1, emitted: 0, waiting: 1, dropped: {}, deadLettered: {}, joined: {}, unmatched: {}, clamped: 0 }

describe('a changelog written by another process', () => {
  it('gives a task its position, its rows and its waiting events back', async () => {
    const log = await logWith(OWNER, WAITER, ROW)
    const position = await positionOf(log, TOTALS)
    await log.sink.append([{ topic: 'app-changelog', key: hex('01 01'), value: position, timestamp: 0, headers: [] }])
    await using app = await run(pipeline, { application: 'app', log, commitEvery: '1ms' })
    await app.ready
    await produce(log, rows, { key: 'k', value: 's' })
    const values: (string | null)[] = []
    for await (const { value } of consume(log, out)) if (values.push(value) === 2) break
    expect(values.sort()).toEqual(['v+s', 'w+r'])
    await expect.poll(() => app.metrics().pipelines.p).toMatchObject({ in: 2, emitted: 2, waiting: 0 })
  })

  it.each<[string, readonly [string, Buffer | null]]>([
    ['kind', ['01 09', hex('01')]],
    ['key format', ['02 01', hex('01')]],
    ['OWNER version', ['01 00', hex(`01 ${'ab'.repeat(16)}`)]],
    ['POSITION version', ['01 01', Buffer.concat([hex('02'), Buffer.from('{}')])]],
    ['ROW version', [ROW[0], hex('02 72')]],
    ['WAITER version', [WAITER[0], Buffer.concat([hex('02'), WAITER[1].subarray(1)])]],
  ])('halts the application at an unknown %s', async (_, record) => {
    const log = await logWith(OWNER, record)
    const app = await run(pipeline, { application: 'app', log, commitEvery: '1ms' })
    await expect(app.ready).rejects.toThrow(expect.objectContaining({ code: 'CHANGELOG_INVALID' }))
    await expect(app.closed).rejects.toThrow(expect.objectContaining({ code: 'CHANGELOG_INVALID' }))
    expect(app.health().live).toBe(false)
  })
})
