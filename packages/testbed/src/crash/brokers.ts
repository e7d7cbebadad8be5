import type { Random } from '../simulator/random.js'
import type { Hit, Part } from './figures.js'
import { Scenario } from './scenario.js'
import type { Stage } from './stage.js'

const PER_SECOND = 250
const PARTITIONS = 3
const MOST_RUN_MS = 2_000
const OPEN_MS = 10_000

/** The broker, and with it both coordinators, goes away under load and comes back: once in order, once by SIGKILL. */
export async function brokers(stage: Stage, random: Random): Promise<Part> {
  const scenario = await Scenario.begin(stage, random, {
    name: 'brokers',
    perSecond: PER_SECOND,
    partitions: PARTITIONS,
  })
  const hits: Hit[] = []
  const back: number[] = []
  const { kafka } = stage
  const bounce = {
    'broker stopped in order': () => kafka.restart(),
    'broker killed': async () => {
      await scenario.until('a transaction is open', () => scenario.view.isTransactionOpen(), OPEN_MS)
      await kafka.kill()
      await kafka.restart()
    },
  }
  try {
    await scenario.start()
    await scenario.start()
    await scenario.goesOn('two run everything')
    for (const [what, away] of random.shuffled(Object.entries(bounce))) {
      await scenario.pause(random.between(0, MOST_RUN_MS))
      scenario.note(what)
      await away()
      const from = Date.now()
      scenario.note('the broker is back')
      const isBack = await scenario.goesOn('transactions are committed again')
      if (isBack) back.push(Date.now() - from)
      const members = await stage.raw.members(scenario.service.application)
      const isGroup = scenario.alive.every(({ name }) => members.has(name))
      hits.push({ what, times: isBack ? 1 : 0, least: 1 })
      hits.push({ what: 'transaction coordinator came back', times: isBack ? 1 : 0, least: 2 })
      hits.push({ what: 'group coordinator came back', times: isBack && isGroup ? 1 : 0, least: 2 })
    }
    const verdict = await scenario.end()
    return { verdicts: [verdict], hits, times: { 'all tasks commit after the broker is back': back } }
  } finally {
    await scenario.abandon()
  }
}
