import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const FOLDER = dirname(fileURLToPath(import.meta.url))
const CONFIG = join(FOLDER, '../../../../tsconfig.base.json')

/** What the compiler says of a file: code and text. */
export interface Complaint {
  readonly code: number
  readonly text: string
}

/**
 * Compiles files that exist only here, as neighbours of this one, with the repository's options: one program for all of
 * them. Answers what is wrong with each, in the order given.
 */
export function compile(files: ReadonlyMap<string, string>): ReadonlyMap<string, readonly Complaint[]> {
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
  const globals = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()].map(toComplaint)
  if (globals.length > 0) throw new Error(`the compiler refuses its options: ${JSON.stringify(globals)}`)
  return new Map(
    Array.from(files.keys(), (name) => {
      const source = program.getSourceFile(join(FOLDER, name))
      return [
        name,
        [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(toComplaint),
      ]
    }),
  )
}

function toComplaint({ code, messageText }: ts.Diagnostic): Complaint {
  return { code, text: ts.flattenDiagnosticMessageText(messageText, '\n') }
}
