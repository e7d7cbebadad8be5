import { describe, expect, it } from 'vitest'
import { JoineryError } from '../../../src/errors.js'
import { memoryStores } from '../../../src/index.js'
import type { StateStores } from '../../../src/store.js'
import { TaskStores } from '../../../src/task/stores/task-stores.js'

const token = (offset: number) => ({ topicId: 'c', offset })

/** Stores that show when they are opened and closed; `fails` is thrown when the store `bad` is opened. */
function opening(fails?: unknown) {
  const happened: string[] = []
  const ids: unknown[] = []
  const stores: StateStores = {
    open: async (id) => {
      if (id.name === 'bad') throw fails
      ids.push(id)
      happened.push(`open ${id.name} ${id.token}`)
      const store = await memoryStores().open(id)
      return Object.assign(store, { close: async () => void happened.push(`close ${id.name} ${id.token}`) })
    },
  }
  return { taskStores: new TaskStores({ stores, application: 'app', partition: 3 }), happened, ids }
}

describe('the stores of a task', () => {
  it('are opened with the token of its owner, by name', async () => {
    const { taskStores, ids } = opening()
    const opened = await taskStores.open(['a', 'b'], token(7))
    expect([...opened.keys()]).toEqual(['a', 'b'])
    expect(ids).toEqual(
      ['a', 'b'].map((name) => ({ application: 'app', name, partition: 3, token: 7, changelogId: 'c' })),
    )
  })

  it('are all opened by the next owner before those of the last one are closed: contents in memory pass on', async () => {
    const { taskStores, happened } = opening()
    await taskStores.open(['a', 'b'], token(7))
    await taskStores.open(['a', 'b'], token(8))
    expect(happened).toEqual(['open a 7', 'open b 7', 'open a 8', 'open b 8', 'close a 7', 'close b 7'])
    await taskStores.close()
    expect(happened.slice(6)).toEqual(['close a 8', 'close b 8'])
    await taskStores.close()
    expect(happened).toHaveLength(8)
  })

  it('are all closed, also those of an owner that could not open the rest', async () => {
    const { taskStores, happened } = opening(new Error('no disk'))
    await taskStores.open(['a'], token(7))
    await expect(taskStores.open(['a', 'bad', 'b'], token(8))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      topic: 'bad',
      partition: 3,
      retriable: false,
      message: 'STORE_FAILED: store bad[3] cannot be opened: Error: no disk; check the options of the stores',
    })
    expect(happened).toEqual(['open a 7', 'open a 8'])
    await taskStores.close()
    expect(happened.slice(2)).toEqual(['close a 7', 'close a 8'])
  })

  it('fail if open returns anything but a store', async () => {
    const taskStores = new TaskStores({ stores: { open: () => undefined as never }, application: 'app', partition: 3 })
    await expect(taskStores.open(['a'], token(7))).rejects.toMatchObject({
      code: 'STORE_FAILED',
      retriable: false,
      message: expect.stringContaining('open of store a[3] returned undefined, but must return a StateStore'),
    })
    await taskStores.close()
  })

  it('fail as they say if they say so', async () => {
    const locked = new JoineryError('STORE_LOCKED', 'another process', { retriable: true })
    await expect(opening(locked).taskStores.open(['bad'], token(7))).rejects.toBe(locked)
  })
})
