import type { Metrics } from '@joinery/core'
import { callDisagreements, disagreements } from './accounting.js'
import { countEvidence, type Evidence, wrongRecords } from './evidence.js'
import type { Ledger } from './ledger.js'
import type { Report } from './report.js'
import { waitingTimes } from './waiting-times.js'

const MAX_WRONG = 10

/** The last metrics of both services. */
export interface FinalMetrics {
  readonly a: Metrics
  readonly b: Metrics
}

/** Compares the accounting from outside with the library's own. */
export function reconcile(
  { a, b }: FinalMetrics,
  ledger: Ledger,
  evidence: Evidence,
  { interrupted, atMostMs }: { readonly interrupted: boolean; readonly atMostMs: number },
): Omit<Report, 'log' | 'seed' | 'sent' | 'tookMs'> {
  const counted = countEvidence(ledger, evidence)
  const found = wrongRecords(ledger, evidence, atMostMs).slice(0, MAX_WRONG)
  const { emitted, deadLettered } = counted.accounting
  const seen = ledger.notified + ledger.deadLettered
  if (!interrupted && seen !== emitted + deadLettered)
    found.push(`readers saw ${seen} outcomes arrive, the topics hold ${emitted + deadLettered}`)
  for (const metrics of Object.values(a.pipelines)) found.push(...disagreements(counted, metrics, interrupted))
  for (const metrics of Object.values(b.pipelines)) found.push(...callDisagreements(counted, metrics, interrupted))
  return {
    ok: found.length === 0,
    interrupted,
    atMostMs,
    ...counted,
    passedAtOnce: waitingTimes(ledger, true),
    waited: waitingTimes(ledger, false),
    disagreements: found,
  }
}
