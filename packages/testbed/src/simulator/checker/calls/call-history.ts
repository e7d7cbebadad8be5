import { type CallRecord, changelogEntry } from '../../../changelog-records.js'
import type { SimCluster } from '../../brokers/sim-cluster.js'
import { IN_DOUBT, REPLIES, REQUESTS, type SimReply } from '../../scenario/call-values.js'
import { APPLICATION } from '../../scenario/scenario.js'
import {
  type Commit,
  type CommittedEntry,
  committed,
  headerOf,
  partOf,
  type TaskHistory,
  textOf,
} from '../log-history.js'

/** A result, or a record in the in-doubt topic, with the offset of the request that it came from. */
export interface CallOutput {
  readonly topic: typeof REPLIES | typeof IN_DOUBT
  readonly offset: number
  readonly entry: CommittedEntry
  /** The reply in a result. */
  readonly reply: SimReply | undefined
  /** From a record in the in-doubt topic: the reason and, for a call in doubt, the call and its claim. */
  readonly reason: string | undefined
  readonly id: string | undefined
  readonly token: string | undefined
}

/** One commit and its effects on calls. */
export interface CallCommit {
  readonly commit: Commit
  readonly changes: readonly { readonly id: string; readonly before?: CallRecord; readonly after?: CallRecord }[]
  readonly outputs: readonly CallOutput[]
}

/** One claim, with the commit that wrote it. */
export interface ObservedClaim {
  readonly lifecycle: CallLifecycle
  readonly token: string
  readonly host: string
  readonly attempt: number
  readonly claimedAt: number
  readonly commit: Commit
  /** Simulated time at which its transaction was decided. */
  readonly committedAt: number
}

/** One call, from its record to its tombstone. Afterwards, the same id may start another call. */
export interface CallLifecycle {
  readonly id: string
  readonly partition: number
  readonly record: CommittedEntry
  readonly acceptedBy: Commit
  /** Its states, each with the commit that wrote it. */
  readonly states: { readonly commit: Commit; readonly call: CallRecord }[]
  readonly claims: ObservedClaim[]
  /** The commit that deleted it. */
  deletedBy: Commit | undefined
}

/** Everything that the log contains about the calls of one task. */
export interface CallHistory {
  readonly partition: number
  /** Simulated times at which the task was opened. */
  readonly openings: readonly number[]
  readonly requests: readonly CommittedEntry[]
  readonly commits: readonly CallCommit[]
  readonly lifecycles: readonly CallLifecycle[]
}

/** Type bytes of keys. */
const OWNER = 0
const CALL = 4

export const lastOf = ({ states }: CallLifecycle): CallRecord => (states.at(-1) as CallLifecycle['states'][number]).call

export function callHistory(cluster: SimCluster, task: TaskHistory, outputs: OutputsByTransaction): CallHistory {
  const { partition } = task
  const requests = committed(cluster, REQUESTS, partition)
  const byOffset = new Map(requests.map((entry) => [entry.offset, entry]))
  const now = new Map<string, CallLifecycle>()
  const lifecycles: CallLifecycle[] = []
  const { committedAt } = cluster.transactions
  const openings = committed(cluster, `${APPLICATION}-changelog`, partition)
    .filter(({ record }) => record.key?.[1] === OWNER)
    .map(({ at }) => at)
  const commits = task.commits.map((commit): CallCommit => {
    const changes = commit.calls.map(({ id, call }) => {
      const known = now.get(id)
      const before = known && lastOf(known)
      if (call === null) {
        if (known !== undefined) known.deletedBy = commit
        now.delete(id)
        return { id, ...(before && { before }) }
      }
      let lifecycle = known
      if (lifecycle === undefined || lastOf(lifecycle).offset !== call.offset) {
        if (lifecycle !== undefined) lifecycle.deletedBy = commit
        const record = byOffset.get(call.offset)
        if (record === undefined) throw new Error(`call ${id} has no record at ${call.offset}`)
        lifecycle = { id, partition, record, acceptedBy: commit, states: [], claims: [], deletedBy: undefined }
        now.set(id, lifecycle)
        lifecycles.push(lifecycle)
      }
      lifecycle.states.push({ commit, call })
      const { claim } = call
      if (call.state === 'claimed' && claim !== undefined)
        lifecycle.claims.push({
          lifecycle,
          token: claim.token,
          host: claim.claimant.host,
          attempt: call.attempts,
          claimedAt: claim.claimedAt,
          commit,
          committedAt: committedAt.get(commit.transaction) ?? commit.at,
        })
      return { id, after: call, ...(before?.offset === call.offset && { before }) }
    })
    return { commit, changes, outputs: outputs.get(partOf(commit.transaction, partition)) ?? [] }
  })
  return { partition, openings, requests, commits, lifecycles }
}

/** By task and transaction. */
type OutputsByTransaction = ReadonlyMap<string, readonly CallOutput[]>

/** @returns results and records of the in-doubt topic, by the tasks and transactions that wrote them */
export function outputsByTransaction(cluster: SimCluster): OutputsByTransaction {
  const found = new Map<string, CallOutput[]>()
  for (const topic of [REPLIES, IN_DOUBT] as const) {
    for (const { partition } of cluster.partitionsOf(topic)) {
      for (const entry of committed(cluster, topic, partition)) {
        const { record, transaction } = entry
        const [, , task, offset] = (headerOf(record, 'joinery-origin') ?? '').split('/')
        const of: CallOutput = {
          topic,
          offset: Number(offset),
          entry,
          reply: topic === REPLIES ? (JSON.parse(textOf(record.value)) as SimReply) : undefined,
          reason: headerOf(record, 'joinery-reason'),
          id: headerOf(record, 'joinery-call-id'),
          token: headerOf(record, 'joinery-call-token'),
        }
        const part = partOf(transaction as number, Number(task))
        found.set(part, [...(found.get(part) ?? []), of])
      }
    }
  }
  return found
}

/** @returns the calls of a task that are ready or claimed after its last commit */
export function openCallsAtEnd(
  cluster: SimCluster,
  partition: number,
): { readonly id: string; readonly call: CallRecord }[] {
  const last = new Map<string, CommittedEntry>()
  for (const entry of committed(cluster, `${APPLICATION}-changelog`, partition))
    if (entry.record.key?.[1] === CALL) last.set(textOf(entry.record.key), entry)
  return [...last.values()].flatMap(({ record }) => {
    const entry = changelogEntry(record.key as Uint8Array, record.value)
    if (entry.type !== 'call' || entry.call === null) return []
    const { id, call } = entry
    return call.state === 'ready' || call.state === 'claimed' ? [{ id, call }] : []
  })
}
