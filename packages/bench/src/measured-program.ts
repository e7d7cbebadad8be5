import { fileURLToPath } from 'node:url'

/** A program that is measured. */
export interface MeasuredProgram {
  readonly name: string
  /** One process, with the environment variables of activation.js; `undefined`: no program. */
  readonly command: string | undefined
}

/** No program: the consumer reads the events themselves. That is what brokers, load and consumer cost alone. */
export const NO_PROGRAM: MeasuredProgram = { name: 'none', command: undefined }

const command = `${process.execPath} ${fileURLToPath(new URL('activation.js', import.meta.url))}`

/** @returns Joinery's program, with default options or with a commit interval */
export function joinery(commitEvery?: string): MeasuredProgram {
  if (commitEvery === undefined) return { name: 'joinery', command }
  return { name: `joinery, commitEvery ${commitEvery}`, command: `env COMMIT_EVERY=${commitEvery} ${command}` }
}

/** @param text `none`, `joinery` with default options, or `NAME=COMMAND` */
export function parseProgram(text: string): MeasuredProgram {
  if (text === NO_PROGRAM.name) return NO_PROGRAM
  if (text === joinery().name) return joinery()
  const at = text.indexOf('=')
  if (at <= 0 || at === text.length - 1) throw new Error(`${text}: use NAME=COMMAND, joinery, or none`)
  return { name: text.slice(0, at), command: text.slice(at + 1) }
}
