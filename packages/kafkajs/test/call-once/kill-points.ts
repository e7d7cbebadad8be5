import { expect } from 'vitest'
import type { CallWorkerProcess, Script } from './call-worker-process.js'
import { type Ending, type Stage, World } from './call-world.js'
import type { Answer, Place } from './worker-messages.js'

/** Plays a crash point. Returns the outcomes of the calls that it affected. */
export type Play = (stage: Stage) => Promise<readonly Ending[]>

/** Makes a script that kills the worker in a call. `k` counts from 0. */
type Death = (world: World, n: string, k: number) => Script

/** The calls that are affected. */
export const CHOSEN = ['0', '1', '2'] as const
const BYSTANDER = 'bystander'
const END_TXN = 26
const LARGE = 4_000_000
/** A timeout after which calls whose process has ended are in doubt. */
const SHORT = '3s'

/** Kills the worker, which never gets a reply. */
const die = (worker: CallWorkerProcess): Promise<never> => {
  void worker.kill()
  return new Promise<never>(() => {})
}

/** Kills at a place; if there are several, at another one each time. */
const at =
  (...places: readonly Place[]): Death =>
  (_, n, k) =>
  (place, asked, worker) =>
    place === places[k % places.length] && asked === n ? die(worker) : undefined

/** Kills when EndTxn of the transaction that begins here, or its response, is in transit; it is lost. */
const atEndTxn =
  (begins: Place, direction: 'request' | 'response'): Death =>
  ({ stage, clientId }, n) =>
  (place, asked, worker) => {
    if (place !== begins || asked !== n) return undefined
    stage.proxy.intercept({ api: END_TXN, direction, clientId }, 'drop').frame.then(() => worker.kill())
    return undefined
  }

/** Kills during the request of the call. */
const inRequest =
  (answer: (world: World, worker: CallWorkerProcess) => Answer): Death =>
  (world, n) =>
  (place, asked, worker) =>
    place === 'call' && asked === n ? answer(world, worker) : undefined

const atService = (wanted: 'head' | 'whole', bytes: number): Death =>
  inRequest(({ service }, worker) => {
    service.met = (_, part) => (part === wanted ? die(worker) : 'answer')
    return { bytes }
  })

/** Kills at a point three times; then a last process recovers. */
function killed(death: Death, timeout: typeof SHORT | '30s'): Play {
  return async (stage) => {
    await using world = await World.begin(stage, { timeout })
    for (const [k, n] of CHOSEN.entries()) {
      const worker = world.start(death(world, n, k))
      await world.ask(n)
      expect(await worker.ended).toBe('SIGKILL')
      world.service.met = () => 'answer'
      world.faults++
    }
    const last = world.start()
    await world.ask(BYSTANDER)
    await world.settled(...CHOSEN, BYSTANDER)
    await world.close(last)
    return await world.end(...CHOSEN)
  }
}

/** C0 to C10. */
export const KILLS: Readonly<Record<string, Play>> = {
  C0: killed(at('claim'), '30s'),
  C1: killed(atEndTxn('claim', 'request'), '30s'),
  C2: killed(atEndTxn('claim', 'response'), SHORT),
  C3: killed(at('claimed', 'call'), SHORT),
  C4: killed(
    inRequest(({ service }, worker) => {
      service.connected = () => worker.kill()
      return { url: service.hole }
    }),
    SHORT,
  ),
  C5: killed(atService('head', LARGE), SHORT),
  C6: killed(atService('whole', 1), SHORT),
  C7: killed(at('answered', 'outcome'), SHORT),
  C8: killed(atEndTxn('outcome', 'request'), SHORT),
  C9: killed(atEndTxn('outcome', 'response'), '30s'),
  C10: killed(
    (world, n, k) => (place, asked, worker) => {
      if (place !== 'told' || asked !== n) return undefined
      world.until(() => (worker.totals?.emitted ?? 0) > k).then(() => worker.kill())
      return undefined
    },
    '30s',
  ),
}
