import { expect, it } from 'vitest'
import type { RunningApp } from '../../src/app/running-app.js'
import { json, memoryLog, run, stream, text, topic } from '../../src/index.js'
import type { GroupMember, Log } from '../../src/log.js'

const asked = topic('asked', { key: text(), value: json<number>() })
const results = topic('results', { key: text(), value: json<number>() })

it('a task that is given away while it cannot be opened holds up no other', async () => {
  const inner = memoryLog({ partitions: 2 })
  const members: GroupMember[] = []
  const log: Log<'exactly-once'> = {
    ...inner,
    group: {
      async join(_group, _topics, member) {
        members.push(member)
        member.assigned([0, 1])
        return { verify: async () => 'member', leave: async () => {} }
      },
    },
    tasks: {
      guarantees: inner.tasks.guarantees,
      prepare: (options) => inner.tasks.prepare(options),
      // its coordinator does not answer
      open: (options) => (options.task === 0 ? new Promise(() => {}) : inner.tasks.open(options)),
    },
    [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
  }
  const app = (await run(stream(asked).to(results), { application: 'a', log })) as RunningApp
  const phases = () => app.tasks.map(({ partition, phase }) => `${partition} ${phase}`)
  await expect.poll(phases).toEqual(['0 opening', '1 running'])
  const [member] = members
  void member?.revoked([0, 1])
  member?.assigned([1])
  await expect.poll(phases).toEqual(['1 running'])
})
