import assert from 'node:assert/strict'
import type { StateStore } from '../../store/contract.js'
import { hasCode, holds, isEmpty, put, putAll, read, refuses } from './store-probe.js'
import type { StoreTest, StoreTrial } from './store-trial.js'

/** A later owner opens a store while an earlier owner still has it open. */
export function storeOwnersSuite(test: StoreTest, shared: boolean): void {
  const openers: [where: string, openLater: (trial: StoreTrial) => Promise<StateStore>][] = [
    ['', (trial) => trial.open()],
  ]
  if (shared) openers.push([' in another process', async (trial) => trial.open({}, await trial.newFactory())])

  for (const [where, openLater] of openers) {
    test(`a later owner${where} takes over the contents, and the earlier owner is fenced`, async (trial) => {
      const earlier = await trial.open()
      const rows = new Map(Object.entries({ a: '1', b: '2' }))
      await earlier.commit(putAll(rows), 'p')
      const later = await openLater(trial)
      if (isSeparate(trial, later)) {
        rows.clear()
        await isEmpty(later, ['a'])
        await earlier.commit([put('a', 'late'), put('late', 'late')], 'late')
        await isEmpty(later, ['a', 'late'])
      } else {
        assert.equal(later.position, 'p')
        await holds(later, rows)
        await refuses(earlier, 'STORE_FENCED')
      }
      await earlier.close()
      await later.commit([put('a', 'of the later')], 'q')
      assert.equal(later.position, 'q')
      await holds(later, rows.set('a', 'of the later'), ['late'])
    })

    for (const steps of [0, 1, 2, 4]) {
      test(`a commit that a later owner${where} interrupts after ${steps} reads changes nothing afterwards`, async (trial) => {
        const earlier = await trial.open()
        const keys = Array.from({ length: 5_000 }, (_, i) => `key ${i}`)
        const all = (value: string) => new Map(keys.map((key) => [key, value]))
        await earlier.commit(putAll(all('before')), 'p')
        const other = await trial.open({ name: 'other' })
        const interrupted = Promise.allSettled([earlier.commit(putAll(all('interrupted')), 'q')])
        for (let i = 0; i < steps; i++) await read(other, ['a'])
        const later = await openLater(trial)
        if (later.position === 'q') await holds(later, all('interrupted'))
        else if (!isSeparate(trial, later))
          assert.equal(later.position, 'p', 'the position must be that before the commit or that after it')
        const last = keys.slice(-10)
        await later.commit(putAll(last.map((key) => [key, 'after'])), 'r')
        for (const end of await interrupted) if (end.status === 'rejected') hasCode('STORE_FENCED')(end.reason)
        for (const value of await read(later, last)) assert.equal(value, 'after')
        await later.commit(putAll(all('replayed')), 's')
        const next = await openLater(trial)
        if (isSeparate(trial, next)) return
        assert.equal(next.position, 's')
        await holds(next, all('replayed'))
      })
    }

    test(`closing by an earlier owner does not close the store of a later owner${where}`, async (trial) => {
      const earlier = await trial.open()
      await earlier.commit([put('a', '1')], 'p')
      const later = await openLater(trial)
      await earlier.close()
      await earlier.close()
      await later.commit([put('a', '2')], 'q')
      await holds(later, new Map([['a', '2']]))
    })
  }

  test('a token lower than that of the owner is rejected, and changes nothing', async (trial) => {
    const owner = await trial.open({ token: 7 })
    await owner.commit([put('a', '1')], 'p')
    let late: StateStore | undefined
    try {
      late = await trial.open({ token: 3 })
    } catch (error) {
      hasCode('STORE_FENCED')(error)
    }
    if (late !== undefined && !isSeparate(trial, late)) await refuses(late, 'STORE_FENCED')
    await late?.close()
    await holds(owner, new Map([['a', '1']]))
    await owner.commit([put('b', '2')], 'q')
    assert.equal(owner.position, 'q')
  })

  test('tokens of different changelogs are not compared: the last to open is the owner', async (trial) => {
    const store = await trial.open({ token: 7 })
    await store.commit([put('a', '1')], 'p')
    const other = await trial.open({ token: 2, changelogId: 'log-2' })
    if (other.position === undefined) await isEmpty(other, ['a'])
    else await holds(other, new Map([['a', '1']]))
    await other.commit([put('a', '2')], 'q')
    const [late] = await Promise.allSettled([(async () => store.commit([put('a', 'late')], 'late'))()])
    if (late.status === 'rejected') hasCode('STORE_FENCED')(late.reason)
    await holds(other, new Map([['a', '2']]))
    const later = await trial.open({ token: 3, changelogId: 'log-2' })
    if (isSeparate(trial, later)) return isEmpty(later, ['a'])
    assert.equal(later.position, 'q')
    await holds(later, new Map([['a', '2']]))
  })

  test('many owners follow each other, each with the contents that the previous owner left', async (trial) => {
    let store = await trial.open()
    const rows = new Map<string, string>()
    for (let i = 0; i < 20; i++) {
      rows.set(`key ${i % 7}`, `of owner ${i}`)
      await store.commit(putAll(rows), `p${i}`)
      const next = await trial.open()
      await store.close()
      store = next
      if (isSeparate(trial, store)) rows.clear()
      else assert.equal(store.position, `p${i}`)
      await holds(store, rows)
    }
  })
}

/** @returns whether the new owner got an empty store, which is allowed if the store is neither durable nor shared */
function isSeparate({ durable, shared }: StoreTrial, store: StateStore): boolean {
  return !durable && !shared && store.position === undefined
}
