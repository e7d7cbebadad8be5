import { JoineryError } from '@joinery/core'
import type { TransactionalProducer } from '../transactional-producer.js'
import type { TransactionBatches } from './transaction-batches.js'
import { type PartFailure, TransactionFailure } from './transaction-failure.js'
import type { TransactionPart } from './transaction-part.js'

/**
 * Checks that each part's session still owns its task, once the batches of a transaction are acknowledged.
 *
 * @returns the failure because of which the transaction has to be aborted; `undefined` if all are still owners
 */
export async function checkOwnership(
  producer: TransactionalProducer,
  batches: TransactionBatches,
  parts: readonly TransactionPart[],
): Promise<TransactionFailure | undefined> {
  const failures: (readonly [TransactionPart, PartFailure['outcome'], unknown])[] = []
  const checks = parts.map(async (part) => {
    try {
      const result = await part.ownership.check(batches.changelogOf(part), producer)
      if (result === 'superseded') failures.push([part, 'fenced', undefined])
      if (result === 'truncated') failures.push([part, 'rejected', truncated(part)])
    } catch (cause) {
      failures.push([part, 'rejected', cause])
    }
  })
  await Promise.all(checks)
  const [first] = failures
  if (first === undefined) return undefined
  const failure = new TransactionFailure(first[2])
  for (const [part, outcome, cause] of failures) failure.add(part, outcome, cause)
  return failure
}

const truncated = ({ changelog: { topic, partition } }: TransactionPart): JoineryError =>
  new JoineryError('LOG_FAILED', `${topic}[${partition}] does not continue after its last commit: was it truncated?`, {
    topic,
    partition,
    retriable: true,
  })
