import type { Metrics } from '@joinery/core'
import { callDisagreements, disagreements } from './accounting.js'
import { count, type Evidence, wrongMessages } from './count.js'
import type { Ledger } from './ledger.js'
import type { Report } from './report.js'
import { waitingTimes } from './waiting-times.js'

const MAX_WRONG = 10

/** The last figures of both services. */
export interface Figures {
  readonly a: Metrics
  readonly b: Metrics
}

/** The accounting from outside, held against the library's own. */
export function audit(
  { a, b }: Figures,
  ledger: Ledger,
  evidence: Evidence,
  { interrupted, atMostMs }: { readonly interrupted: boolean; readonly atMostMs: number },
): Omit<Report, 'log' | 'seed' | 'sent' | 'tookMs'> {
  const counted = count(ledger, evidence)
  const found = wrongMessages(ledger, evidence, atMostMs).slice(0, MAX_WRONG)
  const { emitted, deadLettered } = counted.accounting
  const seen = ledger.notified + ledger.deadLettered
  if (!interrupted && seen !== emitted + deadLettered)
    found.push(`readers saw ${seen} outcomes come, ${emitted + deadLettered} lie in the topics`)
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
