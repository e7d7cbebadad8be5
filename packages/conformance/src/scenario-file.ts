import { readFile } from 'node:fs/promises'

/** A JSON object whose fields are not validated yet. */
export type Fields = Readonly<Record<string, unknown>>

/** One scenario of a file. */
export interface Scenario extends Fields {
  readonly id: string
}

/** The lists of scenarios that a file can have. */
const SECTIONS = [
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

/**
 * Reads a file of scenarios. A file that is unreadable or has another format is an error.
 *
 * @returns the scenarios, each with the section that lists it
 */
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

/** @returns the steps of a scenario */
export function stepsOf(scenario: Scenario, name = 'steps'): readonly Fields[] {
  const steps = scenario[name]
  if (!Array.isArray(steps) || !steps.every(isFields)) throw new Error(`${scenario.id} has no list of ${name}`)
  return steps
}

/** @returns a required number */
export function numberOf(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number') throw new Error(`${name} is ${JSON.stringify(value)}, not a number`)
  return value
}

/** @returns a required string */
export function stringOf(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new Error(`${name} is ${JSON.stringify(value)}, not a string`)
  return value
}
