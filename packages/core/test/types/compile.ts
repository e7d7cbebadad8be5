import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const FOLDER = dirname(fileURLToPath(import.meta.url))
const CONFIG = join(FOLDER, '../../../../tsconfig.base.json')

/** An error that the compiler reports. */
export interface Diagnostic {
  readonly code: number
  readonly text: string
}

/**
 * Compiles virtual files, located next to this one, with the options of the repository. One program compiles all of them.
 *
 * @returns the diagnostics of each file, in the given order
 */
export function compile(files: ReadonlyMap<string, string>): ReadonlyMap<string, readonly Diagnostic[]> {
  const { config, error } = ts.readConfigFile(CONFIG, ts.sys.readFile)
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'))
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, dirname(CONFIG))
  const virtual = new Map(Array.from(files, ([name, text]) => [join(FOLDER, name), text]))
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  host.fileExists = (path) => virtual.has(path) || fileExists(path)
  host.readFile = (path) => virtual.get(path) ?? readFile(path)
  host.getSourceFile = (path, language, ...rest) => {
    const text = virtual.get(path)
    return text === undefined ? getSourceFile(path, language, ...rest) : ts.createSourceFile(path, text, language, true)
  }
  const program = ts.createProgram({ rootNames: [...virtual.keys()], options, host })
  const globals = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()].map(toDiagnostic)
  if (globals.length > 0) throw new Error(`the compiler rejects its options: ${JSON.stringify(globals)}`)
  return new Map(
    Array.from(files.keys(), (name) => {
      const source = program.getSourceFile(join(FOLDER, name))
      return [
        name,
        [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(toDiagnostic),
      ]
    }),
  )
}

function toDiagnostic({ code, messageText }: ts.Diagnostic): Diagnostic {
  return { code, text: ts.flattenDiagnosticMessageText(messageText, '\n') }
}
