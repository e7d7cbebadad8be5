import { JoineryError } from '../errors.js'
import type { Guarantee, Log, LogTasks } from '../log/contract.js'

/**
 * The guarantee that was asked for, or the strongest that the log offers.
 *
 * @throws JoineryError `OPTION_INVALID` if the log does not offer it: its type was not told the truth.
 */
export function chooseGuarantee(log: Log<never>, asked: Guarantee | undefined): Guarantee {
  const { guarantees } = log.tasks
  const guarantee = asked ?? guarantees[0]
  if (guarantee !== undefined && guarantees.includes(guarantee)) return guarantee
  throw new JoineryError('OPTION_INVALID', `guarantee is ${guarantee}: this log offers ${guarantees.join(' and ')}`)
}

/** The tasks of a log under one guarantee. */
export function tasksUnder(guarantee: Guarantee, { tasks }: Log<never>): LogTasks<never> {
  const all = tasks as LogTasks<Guarantee> // chooseGuarantee has looked
  return {
    guarantees: [guarantee],
    prepare: (options) => all.prepare({ ...options, guarantee }),
    open: (options) => all.open({ ...options, guarantee }),
  }
}
