import type { Failpoint } from '@joinery/failpoint/names'
import type { Scenario } from './scenario.js'
import type { WorkerProcess } from './worker/worker-process.js'

/** A place to kill at. */
export interface Point {
  readonly name: Failpoint
  /** Of a request, its API key. */
  readonly api?: number
  /** In words, where the name does not say it. */
  readonly label?: string
  /** It is killed when it comes by for a random time up to this. */
  readonly most: number
  /** How many kills at least; more where a transaction is open, since that is what has to be survived. */
  readonly kills?: number
  /** Whether only a worker comes by whose stores begin empty: a table on disk is often up to date. */
  readonly fromEmpty?: boolean
  /** What brings a worker there that would not come by itself. */
  readonly provoke?: (scenario: Scenario, worker: WorkerProcess) => Promise<void>
}

const API = { produce: 0, listOffsets: 2, initProducerId: 22, addPartitions: 24, endTxn: 26 } as const
const OFTEN = 40
const START_MS = 30_000

const running = (scenario: Scenario) => scenario.until('it runs', () => scenario.isRunning(), START_MS)

/** Somebody else opens its task: its next commit is fenced. */
async function fence(scenario: Scenario, worker: WorkerProcess): Promise<void> {
  if (!(await running(scenario)) || worker.end !== undefined) return
  const session = await scenario.stage.log.tasks.open({ application: scenario.service.application, task: 0 })
  await session.close()
}

/** A second member joins, and wants its share. */
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
  { name: 'open.proved', most: 3 },
  { name: 'request.sent', api: API.initProducerId, label: 'InitProducerId sent', most: 3 },
  { name: 'open.fenced', most: 3 },
  { name: 'open.owner-written', most: 3 },
  { name: 'open.owner-committed', most: 3 },
  { name: 'open.owner-readable', most: 3 },
  { name: 'open.stores', most: 3 },
  { name: 'restore.changelog', most: 3 },
  { name: 'restore.table', most: 3, fromEmpty: true },
  { name: 'restore.done', most: 3 },
  { name: 'catch-up.evaluated', most: 6 },
  { name: 'catch-up.opened', most: 6 },
  { name: 'batch.table', most: OFTEN },
  { name: 'batch.woken', most: OFTEN },
  { name: 'batch.stream', most: OFTEN },
  { name: 'request.sent', api: API.listOffsets, label: 'ListOffsets sent', most: 12 },
  { name: 'expiry.evaluated', most: 8 },
  { name: 'commit.begun', most: OFTEN },
  { name: 'request.sent', api: API.produce, label: 'Produce sent', most: OFTEN, kills: 9 },
  { name: 'commit.produced', most: OFTEN, kills: 9 },
  { name: 'request.sent', api: API.endTxn, label: 'EndTxn sent', most: OFTEN, kills: 9 },
  { name: 'commit.committed', most: OFTEN },
  { name: 'store.writing', most: OFTEN },
  { name: 'store.written', most: OFTEN },
  { name: 'reopen.discarded', most: 1, provoke: fence },
  { name: 'revoke.begun', most: 1, provoke: share },
  { name: 'revoke.flushed', most: 1, provoke: share },
  { name: 'lost.notified', most: 1, provoke: expel },
  { name: 'close.flushed', most: 1, provoke: close },
]

/** What is different with the transactions before KIP-890 part 2. */
export const OLDER_POINTS: readonly Point[] = [
  { name: 'request.sent', api: API.addPartitions, label: 'AddPartitionsToTxn sent', most: OFTEN },
  { name: 'commit.partitions-added', most: OFTEN },
  { name: 'commit.produced', label: 'commit.produced, older transactions', most: OFTEN, kills: 8 },
  { name: 'request.sent', api: API.endTxn, label: 'EndTxn sent, older transactions', most: OFTEN },
  { name: 'commit.committed', label: 'commit.committed, older transactions', most: OFTEN },
]

export const labelOf = ({ name, label }: Point): string => label ?? name
