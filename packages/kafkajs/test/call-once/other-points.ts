import type { Duration, InDoubtCall } from '@joinery/core'
import { expect } from 'vitest'
import { recordsOf } from '../support/records.js'
import { administer } from '../support/topics.js'
import { CONCURRENCY } from './call-topics.js'
import { type Ending, type Stage, World } from './call-world.js'
import { CHOSEN, type Play } from './kill-points.js'
import type { Place } from './worker-messages.js'

const END_TXN = 26
const IT = '0'

/** EndTxn is lost in every way, and the process stays alive. */
const lostEnds =
  (begins: Place): Play =>
  async (stage) => {
    await using world = await World.begin(stage)
    const losses = [
      { direction: 'response', does: 'drop and reset' },
      { direction: 'request', does: 'drop and reset' },
      { direction: 'response', does: 'cut' },
    ] as const
    const left = new Map<string, (typeof losses)[number] | undefined>(CHOSEN.map((n, k) => [n, losses[k]]))
    const worker = world.start((place, n) => {
      const loss = place === begins ? left.get(n) : undefined
      if (loss === undefined) return undefined
      left.delete(n) // the place is passed again when the task is reopened
      stage.proxy.intercept({ api: END_TXN, direction: loss.direction, clientId: world.clientId }, loss.does)
      return undefined
    })
    for (const n of CHOSEN) {
      await world.ask(n)
      await world.until(() => world.done.includes(n))
    }
    expect(left.size).toBe(0)
    await world.close(worker)
    return await world.end(...CHOSEN)
  }

/** Two processes, of which the first one is frozen at a place of its call until it has lost its task. */
async function frozen(
  stage: Stage,
  place: Place,
  timeout: Duration,
  then: (world: World, thaw: () => void, kill: () => Promise<void>) => Promise<void>,
): Promise<readonly Ending[]> {
  await using world = await World.begin(stage, { isShared: true, timeout })
  let hasAsked = false
  const first = world.start((asked, n, worker) => {
    if (asked !== place || n !== IT || hasAsked) return undefined
    hasAsked = true
    worker.freeze()
    return undefined
  })
  await world.until(() => first.isReady && first.hasTask)
  await world.ask(IT)
  await world.until(() => hasAsked && first.isStopped)
  const second = world.start()
  await world.until(() => second.hasTask)
  let isKilled = false
  world.faults++
  await then(
    world,
    () => first.thaw(),
    async () => {
      isKilled = true
      await first.kill()
    },
  )
  await world.ask('later')
  await world.until(() => world.done.includes('later'))
  if (!isKilled) await world.close(first)
  await world.close(second)
  return await world.end(IT)
}

/** It is thawed: once before its call is in doubt, and once after that. */
const goesOn =
  (place: Place): Play =>
  async (stage) => [
    ...(await frozen(stage, place, '60s', async (world, thaw) => {
      thaw()
      await world.until(() => world.done.includes(IT))
      expect(world.doubts).toEqual([])
    })),
    ...(await frozen(stage, place, '3s', async (world, thaw) => {
      await world.until(() => world.doubts.includes(IT))
      thaw()
      await world.until(() => world.done.includes(IT))
    })),
  ]

const neverGoesOn =
  (place: Place): Play =>
  (stage) =>
    frozen(stage, place, '3s', async (world, _, kill) => {
      await kill()
      await world.until(() => world.doubts.includes(IT))
    })

async function doubtOf({ calls }: World): Promise<InDoubtCall> {
  for await (const doubt of calls.list()) return doubt
  throw new Error('nothing is in doubt')
}

/** C2b, C9b, and C11 to C22, but for C14. */
export const OTHERS: Readonly<Record<string, Play>> = {
  C2b: lostEnds('claim'),
  C9b: lostEnds('outcome'),
  C11: goesOn('claimed'),
  C11b: neverGoesOn('claimed'),
  C12: goesOn('call'),
  C13: goesOn('answered'),
  C13b: neverGoesOn('answered'),
  async C13c(stage) {
    await using world = await World.begin(stage)
    const places = new Map<string, Place>([
      ['0', 'claimed'],
      ['1', 'told'],
    ])
    const worker = world.start((place, n) => {
      if (places.get(n) !== place) return undefined
      places.delete(n)
      return { outcome: 'fenced' }
    })
    await world.ask('0', '1')
    await world.until(() => world.done.length === 2)
    await world.close(worker)
    return await world.end('0', '1')
  },
  async C15(stage) {
    await using world = await World.begin(stage)
    const first = world.start()
    await world.ask(IT, IT)
    await world.until(() => world.done.length === 1)
    await world.close(first)
    const second = world.start()
    await world.ask(IT, 'later')
    await world.until(() => world.done.includes('later'))
    await world.close(second)
    return await world.end(IT)
  },
  async C16(stage) {
    await using world = await World.begin(stage, { isShared: true })
    const { application, asked } = world.topics
    const first = world.start()
    await world.ask(IT)
    await world.until(() => world.done.includes(IT))
    await world.close(first)
    await administer(stage, (admin) =>
      admin.setOffsets({ groupId: application, topic: asked.name, partitions: [{ partition: 0, offset: '0' }] }),
    )
    const second = world.start()
    await world.ask('later')
    await world.until(() => world.done.includes('later'))
    await world.close(second)
    return await world.end(IT)
  },
  async C17(stage) {
    await using world = await World.begin(stage)
    const first = world.start()
    await world.ask(IT)
    await world.until(() => world.done.includes(IT))
    await world.close(first)
    await administer(stage, (admin) => admin.deleteTopics({ topics: [`${world.topics.application}-changelog`] }))
    await world.ask('later')
    const second = world.start()
    expect(await second.ended).toBe(1)
    expect(world.service.requests.get('later')).toBeUndefined()
    return [{ n: IT, found: second.failed?.split(':')[0] ?? '', requests: world.service.requests.get(IT) ?? 0 }]
  },
  async C18(stage) {
    await using world = await World.begin(stage)
    const all = Array.from({ length: CONCURRENCY * 3 }, (_, n) => `${n}`)
    const first = world.start()
    let open: () => void = () => {}
    const isClosing = new Promise<void>((resolve) => {
      open = resolve
    })
    world.service.met = async (): Promise<'answer'> => {
      await isClosing
      return 'answer'
    }
    await world.ask(...all)
    await world.until(() => world.service.requests.size === CONCURRENCY)
    first.close()
    await world.until(() => first.isClosing)
    open()
    expect(await first.ended).toBe(0)
    expect(world.service.requests.size).toBe(CONCURRENCY)
    const second = world.start()
    await world.until(() => world.done.length === all.length)
    await world.close(second)
    expect(world.doubts).toEqual([])
    return await world.end(...all)
  },
  async C19(stage) {
    await using world = await World.begin(stage)
    const places = new Map<string, Place>([
      ['0', 'claim'],
      ['1', 'outcome'],
      ['2', 'call'],
    ])
    const { application } = world.topics
    const worker = world.start(async (place, n) => {
      if (places.get(n) !== place) return undefined
      places.delete(n)
      const intruder = await world.log.tasks.open({ application, task: 0 })
      await intruder.close()
      return undefined
    })
    for (const n of CHOSEN) {
      await world.ask(n)
      await world.until(() => world.done.includes(n))
    }
    await world.close(worker)
    return await world.end(...CHOSEN)
  },
  async C20(stage) {
    await using world = await World.begin(stage, { timeout: '3s' })
    const first = world.start((place, _, worker) => {
      if (place === 'call') void worker.kill()
      return undefined
    })
    await world.ask(IT)
    expect(await first.ended).toBe('SIGKILL')
    world.faults++
    const second = world.start()
    await world.until(() => world.doubts.includes(IT))
    const doubt = await doubtOf(world)
    const decision = {
      outcome: 'not-sent',
      decidedBy: 'ops',
      reason: 'no trace of it',
      claimantHasEnded: true,
    } as const
    await world.calls.resolve(doubt, decision)
    await world.calls.resolve(doubt, decision)
    await world.until(() => world.done.includes(IT))
    await world.ask('later') // the second decision is read by then
    await world.until(() => world.done.includes('later'))
    await world.close(second)
    return await world.end(IT)
  },
  async C21(stage) {
    await using world = await World.begin(stage, { isShared: true, timeout: '3s' })
    let isFrozen = false
    const first = world.start((place, n, worker) => {
      if (place !== 'answered' || n !== IT) return undefined
      isFrozen = true
      worker.freeze()
      return undefined
    })
    await world.until(() => first.isReady && first.hasTask)
    await world.ask(IT)
    await world.until(() => isFrozen && first.isStopped)
    let release: () => void = () => {}
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    let ends = 0
    let hasRead = false
    let isHolding = false
    const second = world.start(async (place, what, { hasTask }) => {
      if (place === 'end of reports' && isHolding) ends++
      if (place !== 'reports') return undefined
      if (what === '')
        hasRead ||= hasTask // the reports that are read before any call is made
      else await released
      return undefined
    })
    await world.until(() => hasRead)
    isHolding = true
    first.thaw()
    const reports = `${world.topics.application}.calls.reports`
    await world.until(async () =>
      (await recordsOf(world.log, reports)).some(({ value }) => Buffer.from(value ?? []).includes('"outcome":"done"')),
    )
    await world.until(() => ends > 0) // the time for reports is over
    await world.ask('later') // gives the second process time to act, which it must not
    await world.until(() => world.done.includes('later'))
    expect(world.doubts).toEqual([])
    release()
    await world.until(() => world.done.includes(IT))
    await world.close(first)
    await world.close(second)
    return await world.end(IT)
  },
  async C22(stage) {
    await using world = await World.begin(stage, { timeout: '3s' })
    world.faults++
    let isLate = true
    const worker = world.start(async (place) => {
      if (place === 'too late') await world.until(() => world.doubts.includes(IT))
      if (place !== 'call' || !isLate) return undefined
      isLate = false
      return { isLate: true }
    })
    await world.ask(IT)
    await world.until(() => world.done.includes(IT))
    await world.close(worker)
    return await world.end(IT)
  },
}

/** C14: needs the broker for itself. */
export async function brokersDown(stage: Stage): Promise<readonly Ending[]> {
  await using world = await World.begin(stage)
  let isDown = false
  const worker = world.start(async (place, n) => {
    if (place !== 'answered' || n !== IT) return undefined
    await stage.kafka.kill()
    isDown = true
    return undefined
  })
  await world.ask(IT)
  await world.until(() => isDown)
  await stage.kafka.restart()
  await world.until(() => world.done.includes(IT))
  await world.close(worker)
  return await world.end(IT)
}
