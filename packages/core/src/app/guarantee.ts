import { JoineryError } from '../errors.js'
import type { Guarantee, Log, LogTasks } from '../log/contract.js'

/**
 * The requested guarantee, or the strongest that the log offers.
 *
 * @throws JoineryError `OPTION_INVALID` if the log does not offer it, or is not a log, which the types forbid
 */
export function chooseGuarantee(log: Log<never> | undefined, requested: Guarantee | undefined): Guarantee {
  const guarantees = log?.tasks?.guarantees
  if (guarantees === undefined)
    throw new JoineryError(
      'OPTION_INVALID',
      'log is missing, or is not a log: pass memoryLog() or the log of an adapter',
    )
  const guarantee = requested ?? guarantees[0]
  if (guarantee !== undefined && guarantees.includes(guarantee)) return guarantee
  throw new JoineryError('OPTION_INVALID', `guarantee is ${guarantee}: this log offers ${guarantees.join(' and ')}`)
}

/** The tasks of a log under one guarantee. */
export function withGuarantee(guarantee: Guarantee, { tasks }: Log<never>): LogTasks<never> {
  const all = tasks as LogTasks<Guarantee> // chooseGuarantee has checked it
  return {
    guarantees: [guarantee],
    prepare: (options) => all.prepare({ ...options, guarantee }),
    open: (options) => all.open({ ...options, guarantee }),
  }
}
