import { JoineryError } from '../../errors.js'
import type { ApplicationPlan, JoinPlan, PipelinePlan, TablePlan } from '../../pipeline/plan.js'
import type { Decoder } from '../../serde/serde.js'

/** The errors of engines for a change of a frozen object. */
const CHANGES =
  /read[ -]?only property|not extensible|cannot (add|delete|define|redefine) property|configurable property/i

/**
 * Lets tests find functions that change a row or an event. The same row is passed to later events with its key as long
 * as it is cached, so that a change shows in their outputs; production does not check it, because that costs time.
 *
 * @param changed called with the error, which the function also throws
 * @returns the plan with serdes that freeze what they decode, in pipelines without calls
 */
export function withReadOnlyValues(plan: ApplicationPlan, changed: (error: JoineryError) => void): ApplicationPlan {
  const tables = new Map<TablePlan, TablePlan>()
  const frozen = (table: TablePlan): TablePlan => {
    const known = tables.get(table) ?? { ...table, value: freezing(table.value) }
    tables.set(table, known)
    return known
  }
  return {
    ...plan,
    tables: plan.tables.map(frozen),
    pipelines: plan.pipelines.map((each) => ({ ...guarded(each, changed), tables: each.tables.map(frozen) })),
  }
}

/** The plan of a pipeline whose functions report that they change what they were given. */
function guarded(plan: PipelinePlan, changed: (error: JoineryError) => void): PipelinePlan {
  let key: unknown
  const guard = <A extends readonly unknown[], R>(call: (...args: A) => R, what: string, table?: TablePlan) => {
    return (...args: A): R => {
      try {
        return call(...args)
      } catch (cause) {
        if (!isChange(cause)) throw cause
        const given = `${table === undefined ? '' : `the row of table ${table.topic}, or `}the event of stream ${plan.stream}`
        const error = new JoineryError(
          'FUNCTION_THREW',
          `${what} changed ${given}, with the key ${JSON.stringify(key)}: rows are shared with later events, so return a new object instead (${cause.message})`,
          { cause, topic: table?.topic ?? plan.stream },
        )
        changed(error)
        throw error
      }
    }
  }
  const joins = plan.joins.map((join): JoinPlan => {
    const table = plan.tables[join.table]
    const { wait } = join
    return {
      ...join,
      joiner: guard(join.joiner, `the joiner of join ${join.name}`, table),
      wait: wait && { ...wait, ready: wait.ready && guard(wait.ready, `wait.ready of join ${join.name}`, table) },
    }
  })
  return {
    ...plan,
    key: {
      ...plan.key,
      decode: (bytes) => {
        key = plan.key.decode(bytes)
        return key
      },
    },
    value: freezing(plan.value),
    joins,
    steps: plan.steps.map((step) => {
      if (step.type === 'join') return joins[step.index] as JoinPlan
      if (step.type === 'filter') return { ...step, test: guard(step.test, 'the function of filter') }
      return { ...step, map: guard(step.map, 'the function of mapValues') }
    }),
  }
}

function isChange(error: unknown): error is TypeError {
  return error instanceof TypeError && CHANGES.test(error.message)
}

const freezing = (decoder: Decoder<unknown>): Decoder<unknown> => ({
  ...decoder,
  decode: (bytes) => freeze(decoder.decode(bytes)),
})

/** Freezes arrays and plain objects, however deep; other objects may have to change themselves. */
function freeze(root: unknown): unknown {
  const open: unknown[] = [root]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value !== 'object' || value === null || Object.isFrozen(value) || !isPlain(value)) continue
    Object.freeze(value)
    open.push(...Object.values(value))
  }
  return root
}

/** Also in a test runner with realms of its own, where `Object.prototype` is another one. */
function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
