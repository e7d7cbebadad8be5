import { readFile } from 'node:fs/promises'

/** A JSON object whose fields were not looked at yet. */
export type Fields = Readonly<Record<string, unknown>>

/** One scenario of a file: what it is and where it was listed. */
export interface Scenario extends Fields {
  readonly id: string
}

/** The lists of scenarios that a file may have. */
export const SECTIONS = [
  'joinScenarios',
  'interleavingScenarios',
  'graceBufferScenarios',
  'versionedStoreScenarios',
  'configScenarios',
  'copartitionScenarios',
  'extensionScenarios',
] as const

export type Section = (typeof SECTIONS)[number]

const FORMAT = 'kafka-streams-join-vectors'

/** Reads a file of scenarios; an unreadable one, or one of another format, is an error. */
export async function readScenarios(path: string): Promise<readonly (readonly [Section, Scenario])[]> {
  const file: unknown = JSON.parse(await readFile(path, 'utf8'))
  if (!isFields(file) || file.format !== FORMAT || file.formatVersion !== 1)
    throw new Error(`${path} is not a file of format ${FORMAT}, version 1`)
  const unknown = Object.keys(file).filter((name) => name.endsWith('Scenarios') && !SECTIONS.some((s) => s === name))
  if (unknown.length > 0) throw new Error(`${path} has unknown lists of scenarios: ${unknown.join(', ')}`)
  return SECTIONS.flatMap((section) => {
    const list = file[section] ?? []
    if (!Array.isArray(list)) throw new Error(`${path}: ${section} is not a list`)
    return list.map((scenario: unknown) => {
      if (!isFields(scenario) || typeof scenario.id !== 'string') throw new Error(`${path}: a scenario without an id`)
      return [section, scenario as Scenario] as const
    })
  })
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The steps of a scenario, under whichever name the section has for them. */
export function stepsOf(scenario: Scenario, name = 'steps'): readonly Fields[] {
  const steps = scenario[name]
  if (!Array.isArray(steps) || !steps.every(isFields)) throw new Error(`${scenario.id} has no list of ${name}`)
  return steps
}

/** A number that a step must have. */
export function numberOf(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number') throw new Error(`${name} is ${JSON.stringify(value)}, not a number`)
  return value
}

/** A text that a step must have. */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new Error(`${name} is ${JSON.stringify(value)}, not a text`)
  return value
}
