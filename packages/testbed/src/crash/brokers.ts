import type { Random } from '../simulator/random.js'
import { Scenario } from './scenario.js'
import type { Hit, PartResult } from './statistics.js'
import type { TestEnvironment } from './test-environment.js'

const PER_SECOND = 250
const PARTITIONS = 3
const MAX_RUN_MS = 2_000
const OPEN_MS = 10_000

/** The broker, and with it both coordinators, goes down under load and comes back: once gracefully, once after SIGKILL. */
export async function brokers(environment: TestEnvironment, random: Random): Promise<PartResult> {
  const scenario = await Scenario.begin(environment, random, {
    name: 'brokers',
    perSecond: PER_SECOND,
    partitions: PARTITIONS,
  })
  const hits: Hit[] = []
  const back: number[] = []
  const { kafka } = environment
  const bounce = {
    'broker stopped gracefully': () => kafka.restart(),
    'broker killed': async () => {
      await scenario.waitFor('a transaction is open', () => scenario.view.isTransactionOpen(), OPEN_MS)
      await kafka.kill()
      await kafka.restart()
    },
  }
  try {
    await scenario.start()
    await scenario.start()
    await scenario.makesProgress('two instances run all tasks')
    for (const [what, away] of random.shuffled(Object.entries(bounce))) {
      await scenario.pause(random.between(0, MAX_RUN_MS))
      scenario.note(what)
      await away()
      const from = Date.now()
      scenario.note('the broker is back')
      const isBack = await scenario.makesProgress('transactions are committed again')
      if (isBack) back.push(Date.now() - from)
      const members = await environment.raw.members(scenario.service.application)
      const isGroup = scenario.alive.every(({ name }) => members.has(name))
      hits.push({ what, times: isBack ? 1 : 0, atLeast: 1 })
      hits.push({ what: 'transaction coordinator came back', times: isBack ? 1 : 0, atLeast: 2 })
      hits.push({ what: 'group coordinator came back', times: isBack && isGroup ? 1 : 0, atLeast: 2 })
    }
    const verdict = await scenario.end()
    return { verdicts: [verdict], hits, times: { 'all tasks commit after the broker is back': back } }
  } finally {
    await scenario.abort()
  }
}
