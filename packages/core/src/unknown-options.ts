/**
 * Finds misspelt options, which the compiler does not detect in JavaScript, or in an object that is passed through a variable.
 *
 * @param options the options that the user passed
 * @param known the names of all options
 * @returns a description of the problem for each unknown option
 */
export function unknownOptions(options: object, known: Readonly<Record<string, true>>): string[] {
  return Object.keys(options)
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => `there is no option ${name}: use ${Object.keys(known).join(', ')}`)
}
