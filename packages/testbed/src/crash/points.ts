import type { Failpoint } from '@joinery/failpoint/names'
import type { Scenario } from './scenario.js'
import type { WorkerProcess } from './worker/worker-process.js'

/** A place to kill a worker at. */
export interface Point {
  readonly name: Failpoint
  /** The API key, if it is a request. */
  readonly api?: number
  /** The printed name, if it differs. */
  readonly label?: string
  /** The worker is killed when it passes the point for the n-th time, a random number up to this. */
  readonly maxPasses: number
  /** The minimum number of kills. Points with an open transaction need more, because those kills matter most. */
  readonly kills?: number
  /** Whether only a worker with empty stores passes the point: a table on disk is often up to date. */
  readonly fromEmpty?: boolean
  /** Brings a worker to the point, if it does not get there by itself. */
  readonly provoke?: (scenario: Scenario, worker: WorkerProcess) => Promise<void>
}

const API = { produce: 0, listOffsets: 2, initProducerId: 22, addPartitions: 24, endTxn: 26 } as const
const MAX_PASSES = 40
const START_MS = 30_000

const running = (scenario: Scenario) => scenario.waitFor('it is running', () => scenario.isRunning(), START_MS)

/** Opens its task as another owner, so that its next commit is fenced. */
async function fence(scenario: Scenario, worker: WorkerProcess): Promise<void> {
  if (!(await running(scenario)) || worker.end !== undefined) return
  const session = await scenario.environment.log.tasks.open({ application: scenario.service.application, task: 0 })
  await session.close()
}

/** Starts a second member, which takes over some of its tasks. */
async function share(scenario: Scenario): Promise<void> {
  if (await running(scenario)) await scenario.start()
}

async function expel(scenario: Scenario, worker: WorkerProcess): Promise<void> {
  if (await running(scenario)) await scenario.evict(worker)
}

async function close(scenario: Scenario, worker: WorkerProcess): Promise<void> {
  if (await running(scenario)) worker.stop()
}

/** Every failpoint, on brokers with the transactions of KIP-890 part 2. */
export const POINTS: readonly Point[] = [
  { name: 'open.verified', maxPasses: 3 },
  { name: 'request.sent', api: API.initProducerId, label: 'InitProducerId sent', maxPasses: 1 },
  { name: 'open.producer-ready', maxPasses: 1 },
  { name: 'open.owner-committed', maxPasses: 3 },
  { name: 'open.owner-readable', maxPasses: 3 },
  { name: 'open.stores', maxPasses: 3 },
  { name: 'restore.changelog', maxPasses: 3 },
  { name: 'restore.table', maxPasses: 3, fromEmpty: true },
  { name: 'restore.done', maxPasses: 3 },
  { name: 'catch-up.evaluated', maxPasses: 6 },
  { name: 'catch-up.opened', maxPasses: 6 },
  { name: 'batch.table', maxPasses: MAX_PASSES },
  { name: 'batch.woken', maxPasses: MAX_PASSES },
  { name: 'batch.stream', maxPasses: MAX_PASSES },
  { name: 'request.sent', api: API.listOffsets, label: 'ListOffsets sent', maxPasses: 12 },
  { name: 'expiry.evaluated', maxPasses: 8 },
  { name: 'commit.begun', maxPasses: MAX_PASSES },
  { name: 'request.sent', api: API.produce, label: 'Produce sent', maxPasses: MAX_PASSES, kills: 9 },
  { name: 'commit.produced', maxPasses: MAX_PASSES, kills: 9 },
  { name: 'commit.checked', maxPasses: MAX_PASSES, kills: 9 },
  { name: 'request.sent', api: API.endTxn, label: 'EndTxn sent', maxPasses: MAX_PASSES, kills: 9 },
  { name: 'commit.committed', maxPasses: MAX_PASSES },
  { name: 'store.writing', maxPasses: MAX_PASSES },
  { name: 'store.written', maxPasses: MAX_PASSES },
  { name: 'reopen.discarded', maxPasses: 1, provoke: fence },
  { name: 'revoke.begun', maxPasses: 1, provoke: share },
  { name: 'revoke.flushed', maxPasses: 1, provoke: share },
  { name: 'lost.notified', maxPasses: 1, provoke: expel },
  { name: 'close.flushed', maxPasses: 1, provoke: close },
]

/** The points that differ in the transaction protocol before KIP-890 part 2. */
export const OLDER_POINTS: readonly Point[] = [
  { name: 'request.sent', api: API.addPartitions, label: 'AddPartitionsToTxn sent', maxPasses: MAX_PASSES },
  { name: 'commit.partitions-added', maxPasses: MAX_PASSES },
  { name: 'commit.produced', label: 'commit.produced, older transactions', maxPasses: MAX_PASSES, kills: 8 },
  { name: 'request.sent', api: API.endTxn, label: 'EndTxn sent, older transactions', maxPasses: MAX_PASSES },
  { name: 'commit.committed', label: 'commit.committed, older transactions', maxPasses: MAX_PASSES },
]

export const labelOf = ({ name, label }: Point): string => label ?? name
