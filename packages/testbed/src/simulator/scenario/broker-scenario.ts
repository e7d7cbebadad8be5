import { LATEST, type Release } from '../brokers/broker-releases.js'
import type { Random } from '../random.js'

/** What the brokers are like, and the connections to them. */
export interface SimBrokers {
  /** For each broker. */
  readonly releases: readonly Release[]
  /** The finalized level of `transaction.version` at the beginning. */
  readonly transactionVersion: 1 | 2
  /** Whether brokers that restart come back with the latest release. */
  readonly upgrades: boolean
  /** After this time without heartbeats, others take over from a broker. */
  readonly brokerSessionMs: number
  readonly requestTimeoutMs: number
  /** Whether one broker stays frozen when all other faults have ended, until everything is processed. */
  readonly endsFrozen: boolean
  /** Whether the changelog of one task has no leader when all other faults have ended, until all other tasks are done. */
  readonly endsLeaderless: boolean
  /** The API that brokers lack at the end, so that the application must refuse to start: that all or only one of them lack. */
  readonly lacks: 'by all' | 'by one' | undefined
  /** Whether brokers refuse some results for good, and whether their responses name the records. */
  readonly refuses: 'named' | 'unnamed' | undefined
}

/** kafkaLog's default. */
const REQUEST_TIMEOUT_MS = 10_000

export function chooseBrokers(random: Random): SimBrokers {
  const old: Release = random.pick(['2.8', '2.8', '3.9'])
  const releases: readonly Release[] = random.pick([
    [old, old, old],
    [LATEST, LATEST, LATEST],
    [LATEST, LATEST, LATEST],
    random.shuffled([old, LATEST, LATEST]),
  ])
  return {
    releases,
    // it can be finalized once all brokers support it
    transactionVersion: releases.includes(old) || random.chance(0.2) ? 1 : 2,
    upgrades: random.chance(0.6),
    brokerSessionMs: random.pick([1_000, 3_000, 9_000]),
    requestTimeoutMs: random.chance(0.75) ? 2_000 : REQUEST_TIMEOUT_MS,
    endsFrozen: random.chance(0.15),
    endsLeaderless: random.chance(0.15),
    lacks: random.chance(0.1) ? random.pick(['by all', 'by one']) : undefined,
    refuses: random.chance(0.3) ? random.pick(['named', 'unnamed']) : undefined,
  }
}
