import { markdownTable } from '../../markdown-table.js'
import { MUTANTS } from './mutants.js'

/** A seed that kills a mutant, and the first law that is violated then. */
export interface KillingSeed {
  readonly seed: number
  readonly law: string
}

/** By the names of mutants. */
export type KillingSeeds = Readonly<Record<string, KillingSeed>>

const BEGIN = '<!-- seeded bugs -->'
const END = '<!-- end of seeded bugs -->'

/**
 * Replaces the table between the two marks of a document.
 *
 * @returns the new document
 * @throws Error if a mark is missing
 */
export function withTable(document: string, seeds: KillingSeeds): string {
  const [before, rest] = document.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`no ${BEGIN} and ${END} in the document`)
  return [before, BEGIN, '\n\n', tableOf(seeds), '\n\n', END, after].join('')
}

/** @returns a Markdown table of mutants and the seeds that kill them */
export function tableOf(seeds: KillingSeeds): string {
  const workloads = new Map(MUTANTS.map(({ name, workload }) => [name, workload]))
  const rows = Object.entries(seeds).map(([name, { seed, law }]) => [
    name,
    workloads.get(name) ?? '',
    String(seed),
    law,
  ])
  return markdownTable(['Seeded bug', 'Workload', 'Seed that catches it', 'First law violated'], rows)
}
