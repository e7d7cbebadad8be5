import { CANARIES } from './canaries.js'

/** The first seed, from 1, that catches a canary, and the law that it breaks. */
export interface KnownSeed {
  readonly seed: number
  readonly law: string
}

/** By the names of canaries. */
export type KnownSeeds = Readonly<Record<string, KnownSeed>>

const BEGIN = '<!-- canaries -->'
const END = '<!-- end of canaries -->'

/**
 * A document with the table of what is known between its marks, in the place of the one that was there.
 *
 * @throws Error if it has no marks
 */
export function withTable(document: string, seeds: KnownSeeds): string {
  const [before, rest] = document.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`no ${BEGIN} and ${END} in the document`)
  return [before, BEGIN, '\n\n', tableOf(seeds), '\n\n', END, after].join('')
}

/** What is known, as a table of Markdown. */
export function tableOf(seeds: KnownSeeds): string {
  const machines = new Map(CANARIES.map(({ name, machine }) => [name, machine]))
  const rows = Object.entries(seeds).map(([name, { seed, law }]) => [name, machines.get(name) ?? '', String(seed), law])
  const header = ['Mistake', 'Machine', 'Seeds until caught', 'First law that breaks']
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] as string).length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] as number)).join(' | ')} |`
  const ruler = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(header), ruler, ...rows.map(line)].join('\n')
}
