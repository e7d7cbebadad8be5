import { type CallRecord, changelogEntry } from '../../../changelog-records.js'
import type { SimCluster } from '../../brokers/sim-cluster.js'
import { ANSWERS, DOUBTS, REQUESTS, type SimAnswer } from '../../scenario/call-values.js'
import { APPLICATION } from '../../scenario/scenario.js'
import { type Commit, type CommittedEntry, committed, headerOf, type TaskHistory, textOf } from '../log-history.js'

/** A result, or what is told of a call: with the record that it came from. */
export interface Told {
  readonly topic: typeof ANSWERS | typeof DOUBTS
  readonly offset: number
  readonly entry: CommittedEntry
  /** Of a result. */
  readonly answer: SimAnswer | undefined
  /** Of what is told: why, and of a doubt its call and claim. */
  readonly reason: string | undefined
  readonly id: string | undefined
  readonly token: string | undefined
}

/** One commit, as far as calls go. */
export interface CallCommit {
  readonly commit: Commit
  readonly changes: readonly { readonly id: string; readonly before?: CallRecord; readonly after?: CallRecord }[]
  readonly told: readonly Told[]
}

/** One claim, from the commit that wrote it. */
export interface ClaimSeen {
  readonly life: CallLife
  readonly token: string
  readonly host: string
  readonly attempt: number
  readonly claimedAt: number
  readonly commit: Commit
  /** World time at which its transaction was decided. */
  readonly committedAt: number
}

/** One call from its record to its tombstone. After that the same id may begin another. */
export interface CallLife {
  readonly id: string
  readonly partition: number
  readonly record: CommittedEntry
  readonly taken: Commit
  /** Its states, each with the commit that wrote it. */
  readonly states: { readonly commit: Commit; readonly call: CallRecord }[]
  readonly claims: ClaimSeen[]
  /** The commit that forgot it. */
  forgotten: Commit | undefined
}

/** All that the log says of the calls of one task. */
export interface CallHistory {
  readonly partition: number
  /** World times at which the task was opened. */
  readonly openings: readonly number[]
  readonly requests: readonly CommittedEntry[]
  readonly commits: readonly CallCommit[]
  readonly lives: readonly CallLife[]
}

/** Kinds of keys. */
const OWNER = 0
const CALL = 4

export const lastOf = ({ states }: CallLife): CallRecord => (states.at(-1) as CallLife['states'][number]).call

export function callHistory(cluster: SimCluster, task: TaskHistory, told: ToldByTransaction): CallHistory {
  const { partition } = task
  const requests = committed(cluster, REQUESTS, partition)
  const byOffset = new Map(requests.map((entry) => [entry.offset, entry]))
  const now = new Map<string, CallLife>()
  const lives: CallLife[] = []
  const { committedAt } = cluster.transactions
  const openings = committed(cluster, `${APPLICATION}-changelog`, partition)
    .filter(({ record }) => record.key?.[1] === OWNER)
    .map(({ at }) => at)
  const commits = task.commits.map((commit): CallCommit => {
    const changes = commit.calls.map(({ id, call }) => {
      const known = now.get(id)
      const before = known && lastOf(known)
      if (call === null) {
        if (known !== undefined) known.forgotten = commit
        now.delete(id)
        return { id, ...(before && { before }) }
      }
      let life = known
      if (life === undefined || lastOf(life).offset !== call.offset) {
        if (life !== undefined) life.forgotten = commit
        const record = byOffset.get(call.offset)
        if (record === undefined) throw new Error(`call ${id} has no record at ${call.offset}`)
        life = { id, partition, record, taken: commit, states: [], claims: [], forgotten: undefined }
        now.set(id, life)
        lives.push(life)
      }
      life.states.push({ commit, call })
      const { claim } = call
      if (call.state === 'claimed' && claim !== undefined)
        life.claims.push({
          life,
          token: claim.token,
          host: claim.claimant.host,
          attempt: call.attempts,
          claimedAt: claim.at,
          commit,
          committedAt: committedAt.get(commit.transaction) ?? commit.at,
        })
      return { id, after: call, ...(before?.offset === call.offset && { before }) }
    })
    return { commit, changes, told: told.get(commit.transaction) ?? [] }
  })
  return { partition, openings, requests, commits, lives }
}

type ToldByTransaction = ReadonlyMap<number, readonly Told[]>

/** Results and doubts, by the transactions that wrote them. */
export function toldByTransaction(cluster: SimCluster): ToldByTransaction {
  const found = new Map<number, Told[]>()
  for (const topic of [ANSWERS, DOUBTS] as const) {
    for (const { partition } of cluster.partitionsOf(topic)) {
      for (const entry of committed(cluster, topic, partition)) {
        const { record, transaction } = entry
        const of: Told = {
          topic,
          offset: Number((headerOf(record, 'joinery-origin') ?? '').split('/')[3]),
          entry,
          answer: topic === ANSWERS ? (JSON.parse(textOf(record.value)) as SimAnswer) : undefined,
          reason: headerOf(record, 'joinery-reason'),
          id: headerOf(record, 'joinery-call-id'),
          token: headerOf(record, 'joinery-call-token'),
        }
        found.set(transaction as number, [...(found.get(transaction as number) ?? []), of])
      }
    }
  }
  return found
}

/** The calls of a task that are to be made, or are under way, as committed last. */
export function openAtTheEnd(
  cluster: SimCluster,
  partition: number,
): { readonly id: string; readonly call: CallRecord }[] {
  const last = new Map<string, CommittedEntry>()
  for (const entry of committed(cluster, `${APPLICATION}-changelog`, partition))
    if (entry.record.key?.[1] === CALL) last.set(textOf(entry.record.key), entry)
  return [...last.values()].flatMap(({ record }) => {
    const entry = changelogEntry(record.key as Uint8Array, record.value)
    if (entry.kind !== 'call' || entry.call === null) return []
    const { id, call } = entry
    return call.state === 'ready' || call.state === 'claimed' ? [{ id, call }] : []
  })
}
