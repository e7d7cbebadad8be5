import { JoineryError } from './errors.js'

/** The names of all options, as keys. */
export type OptionNames = Readonly<Record<string, true>>

/**
 * Finds misspelt options, which the compiler does not detect in JavaScript, or in an object that is passed through a variable.
 * For the options of your own log or state stores, together with their other problems; {@link checkOptionNames} throws.
 *
 * @param options the options that the caller passed
 * @param known the names of all options, as keys
 * @returns a description of each unknown option, with the known name that is nearest to it, or with all known names
 *
 * @example
 * ```ts
 * import { unknownOptions } from '@joinery/core/log'
 *
 * const known = { brokers: true, requestTimeout: true } as const
 * console.log(unknownOptions({ brokers: [], requestTimeuot: '5s' }, known)) // [ 'there is no option requestTimeuot: use requestTimeout' ]
 * console.log(unknownOptions({ brokers: [], tls: true }, known)) // [ 'there is no option tls: use brokers, requestTimeout' ]
 * ```
 */
export function unknownOptions(options: object | null | undefined, known: OptionNames): string[] {
  return Object.keys(options ?? {})
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => `there is no option ${name}: use ${nearestName(name, known) ?? Object.keys(known).join(', ')}`)
}

/**
 * Rejects misspelt options, as {@link unknownOptions} finds them.
 *
 * @param user the function that takes the options, for the error message
 * @param options the options that the caller passed
 * @param known the names of all options, as keys
 * @throws JoineryError `OPTION_INVALID` with all `problems`
 *
 * @example
 * ```ts
 * import { checkOptionNames } from '@joinery/core/log'
 *
 * interface FileStoresOptions {
 *   readonly path: string
 * }
 * const FILE_STORES_OPTIONS: Readonly<Record<keyof FileStoresOptions, true>> = { path: true }
 *
 * function fileStores(options: FileStoresOptions) {
 *   checkOptionNames('fileStores', options, FILE_STORES_OPTIONS)
 * }
 * fileStores({ path: '/var/lib/service-a' })
 * ```
 */
export function checkOptionNames(user: string, options: object | null | undefined, known: OptionNames): void {
  const problems = unknownOptions(options, known)
  if (problems.length > 0)
    throw new JoineryError('OPTION_INVALID', `${user} cannot use these options: ${problems.join('; ')}`, { problems })
}

/** @returns the known name with the fewest edits from `name`, if a misspelling is likely: at most every third character is wrong */
function nearestName(name: string, known: OptionNames): string | undefined {
  let nearest: string | undefined
  let fewest = Math.ceil(name.length / 3)
  for (const candidate of Object.keys(known)) {
    const edits = editsBetween(name.toLowerCase(), candidate.toLowerCase())
    if (edits > fewest || (nearest !== undefined && edits === fewest)) continue
    nearest = candidate
    fewest = edits
  }
  return nearest
}

/** @returns how many characters have to be inserted, deleted or replaced (Levenshtein distance) */
function editsBetween(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[to.length] as number
}
