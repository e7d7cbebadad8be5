import type { JoinOperator } from '../join/join-operator.js'
import type { TablePlan } from '../pipeline/plan.js'
import type { RowReader } from './stores/row-reader.js'

/** What processing records needs of a table. */
export interface JoinTable {
  readonly plan: TablePlan
  readonly store: { readonly rows: RowReader }
  /** Whether rows live in the application's changelog, for example because the table's topic cannot serve as one. */
  readonly inChangelog: boolean
  /** Whether the rows are those of the position: a row that is missing is not still to be read. */
  readonly hasExactRows: boolean
  /** Number of records that are not rows: without a key, undecodable, or too large. */
  skipped: number
}

/** What processing records needs of a pipeline. */
export interface JoinPipeline {
  readonly operator: JoinOperator
  /** In the order of the plan's tables. */
  readonly tables: readonly JoinTable[]
}
