/**
 * Finds misspelt options, which types cannot refuse in JavaScript or behind a variable.
 *
 * @param options as given by the user
 * @param known the names that exist
 * @returns a problem in words for each option that does not exist
 */
export function unknownOptions(options: object, known: Readonly<Record<string, true>>): string[] {
  return Object.keys(options)
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => `there is no option ${name}: use ${Object.keys(known).join(', ')}`)
}
