import { describe, expect, it } from 'vitest'
import { consume } from '../../src/app/consume.js'
import { produce } from '../../src/app/produce.js'
import { deadLetterInfo, json, memoryLog, type NewRecord, run, stream, table, text, topic } from '../../src/index.js'

const activations = topic('activation', { key: text(), value: json<{ productId: string }>() })
const information = topic('information', { key: text(), value: json<{ externalId: string }>() })
const notifications = topic('notifications', { key: text(), value: json<{ productId: string; externalId: string }>() })

const notify = stream(activations, { onError: { deadLetter: 'activation.dead' } })
  .join(table(information), ({ productId }, { externalId }) => ({ productId, externalId }), {
    wait: { atMost: '30m', otherwise: { deadLetter: 'activation.dead' } },
  })
  .to(notifications)

async function take<T>(source: AsyncIterable<T>, count: number): Promise<T[]> {
  const taken: T[] = []
  for await (const each of source) if (taken.push(each) === count) break
  return taken
}

describe('a join with a wait', () => {
  it('emits at once where the row is there, and wakes an event when its row arrives', async () => {
    const log = memoryLog({ topics: { information: { cleanup: 'compact' } } })
    await produce(log, information, { key: 'p1', value: { externalId: 'x1' } })
    await produce(
      log,
      activations,
      { key: 'p1', value: { productId: 'p1' } },
      { key: 'p2', value: { productId: 'p2' } },
    )
    await using app = await run(notify, { application: 'a', log, commitEvery: '1ms' })
    await app.ready
    expect((await take(consume(log, notifications), 1)).map(({ value }) => value)).toEqual([
      { productId: 'p1', externalId: 'x1' },
    ])
    await produce(log, information, { key: 'p2', value: { externalId: 'x2' } })
    expect((await take(consume(log, notifications), 2)).map(({ value }) => value?.externalId)).toEqual(['x1', 'x2'])
    await app.close()
    expect(app.metrics().pipelines.activation).toMatchObject({
      in: 2,
      emitted: 2,
      waiting: 0,
      joined: { information: 2 },
    })
  })

  it('keeps a waiting event over a restart', async () => {
    const log = memoryLog({ topics: { information: { cleanup: 'compact' } } })
    await produce(log, activations, { key: 'p1', value: { productId: 'p1' } })
    const first = await run(notify, { application: 'a', log, commitEvery: '1ms' })
    await first.ready
    await expect.poll(() => first.metrics().pipelines.activation?.waiting).toBe(1)
    await first.close()
    await produce(log, information, { key: 'p1', value: { externalId: 'x1' } })
    await using second = await run(notify, { application: 'a', log, commitEvery: '1ms' })
    const [output] = await take(consume(log, notifications), 1)
    expect(output?.value).toEqual({ productId: 'p1', externalId: 'x1' })
    await expect.poll(() => second.metrics().pipelines.activation).toMatchObject({ in: 1, emitted: 1, waiting: 0 })
  })

  it('puts a record aside that cannot be decoded, with its original bytes and the reason', async () => {
    const log = memoryLog()
    const bad: NewRecord = {
      topic: 'activation',
      key: Buffer.from('p1'),
      value: Buffer.from('{'),
      timestamp: 1,
      headers: [['a', Buffer.from('b')]],
    }
    await log.sink.append([bad])
    await using app = await run(notify, { application: 'a', log, commitEvery: '1ms' })
    const [dead] = await take(consume(log, topic('activation.dead', { key: text(), value: text() })), 1)
    expect(dead).toMatchObject({ key: 'p1', value: '{', timestamp: 1 })
    expect(deadLetterInfo(dead?.headers ?? [])).toMatchObject({
      reason: 'undecodable',
      application: 'a',
      origin: { topic: 'activation', partition: 0, offset: 0 },
    })
    expect(app.health().live).toBe(true)
  })
})
