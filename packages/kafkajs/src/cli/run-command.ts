import { type InDoubtCall, type InDoubtCalls, inDoubtCalls, isJoineryError } from '@joinery/core'
import { kafkaLog } from '../kafka-log.js'
import { type Command, parseCommandLine, type Resolution } from './command-line.js'
import { configOf } from './connect.js'
import { HELP } from './help.js'
import { callJson, callText, printable } from './in-doubt-text.js'
import { UsageError } from './usage-error.js'

/** The environment and the output streams of a command. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Standard output. */
  readonly out: (text: string) => void
  /** Standard error. */
  readonly err: (text: string) => void
}

const FAILED = 1
const USAGE = 2
const NOT_DECIDED = 3

/**
 * Runs a command line.
 *
 * @returns the exit code
 */
export async function runCommand(args: readonly string[], terminal: Terminal): Promise<number> {
  const { out, err, env } = terminal
  let command: Command | undefined
  try {
    command = parseCommandLine(args)
    if (command.type === 'help') {
      out(HELP)
      return 0
    }
    await using log = kafkaLog(await configOf(command.connection, env))
    const calls = inDoubtCalls({ application: command.application, log })
    return command.type === 'list' ? await list(calls, command.json, terminal) : await resolve(calls, command, terminal)
  } catch (error) {
    if (error instanceof UsageError) {
      err(`${error.message}\nSee joinery --help.\n`)
      return USAGE
    }
    if (isJoineryError(error, 'CALL_UNDECIDABLE')) {
      err(`${printable(error.message)} (--claimant-has-ended)\n`)
      return NOT_DECIDED
    }
    err(`${explain(error, command)}\n`)
    return FAILED
  }
}

async function list(calls: InDoubtCalls<Uint8Array>, json: boolean, { out, err }: Terminal): Promise<number> {
  let count = 0
  for await (const call of calls.list()) {
    out(json ? `${callJson(call)}\n` : `${count === 0 ? '' : '\n'}${callText(call)}\n`)
    count++
  }
  if (!json)
    err(count === 0 ? 'No call is in doubt.\n' : `\n${count} ${count === 1 ? 'call is' : 'calls are'} in doubt.\n`)
  return 0
}

async function resolve(
  calls: InDoubtCalls<Uint8Array>,
  resolution: Resolution,
  { out, err }: Terminal,
): Promise<number> {
  const { id, token, pipeline, outcome, result, decidedBy, reason, claimantHasEnded, json } = resolution
  const found: InDoubtCall[] = []
  for await (const call of calls.list())
    if (call.id === id && (pipeline === undefined || call.pipeline === pipeline)) found.push(call)
  const [call, another] = found
  if (call === undefined) {
    err(`call ${printable(id)} is not in doubt: nothing was decided\n`)
    return NOT_DECIDED
  }
  if (another !== undefined)
    throw new UsageError(
      `calls with that id are in doubt in several pipelines: add --pipeline, one of ${found.map((each) => each.pipeline).join(', ')}`,
    )
  if (token !== undefined && token !== call.token) {
    err(`call ${printable(id)} is now in doubt under another claim, ${call.token}: examine it again\n`)
    return NOT_DECIDED
  }
  const common = { decidedBy, reason, claimantHasEnded }
  await calls.resolve(
    call,
    outcome === 'done'
      ? { ...common, outcome, ...(result !== undefined && { result: Buffer.from(result) }) }
      : { ...common, outcome },
  )
  if (json) out(`${JSON.stringify({ id, pipeline: call.pipeline, token: call.token, outcome, decidedBy, reason })}\n`)
  else
    out(
      `Decided: call ${printable(id)} ${DECIDED[outcome]}. The owner of its task applies this, now or when it runs.\n`,
    )
  if (outcome === 'done' && result === undefined)
    err('If the pipeline writes results, the owner ignores a decision without --result, and the call stays in doubt.\n')
  return 0
}

const DECIDED = { done: 'was made', 'not-sent': 'was not made, and will be', abandoned: 'is abandoned' } as const

/** @returns the message of an error, with those of its causes that add something */
function explain(error: unknown, command: Command | undefined): string {
  if (isJoineryError(error, 'TOPIC_MISSING') && command !== undefined && 'application' in command)
    return `application ${command.application} has not run here: ${error.topic ?? 'its changelog'} does not exist`
  if (!(error instanceof Error)) return printable(String(error))
  const message = printable(error.message)
  const cause = error.cause === undefined ? '' : explain(error.cause, undefined)
  return message.includes(cause) ? message : `${message}\n  because: ${cause}`
}
