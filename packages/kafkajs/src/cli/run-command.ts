import { type InDoubtCall, type InDoubtCalls, inDoubtCalls, isJoineryError } from '@joinery/core'
import { kafkaLog } from '../kafka-log.js'
import { type Command, parseCommandLine, type Resolution } from './command-line.js'
import { configOf } from './connect.js'
import { doubtJson, doubtText, shown } from './doubt-text.js'
import { HELP } from './help.js'
import { UsageError } from './usage-error.js'

/** Where a command runs. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Standard output. */
  readonly out: (text: string) => void
  /** Standard error. */
  readonly err: (text: string) => void
}

const FAILED = 1
const USAGE = 2
const NOT_DECIDED = 3

/** Runs a command line; answers the exit code. */
export async function runCommand(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { out, err, env } = surroundings
  let command: Command | undefined
  try {
    command = parseCommandLine(args)
    if (command.command === 'help') {
      out(HELP)
      return 0
    }
    await using log = kafkaLog(await configOf(command.connection, env))
    const calls = inDoubtCalls({ application: command.application, log })
    return command.command === 'list'
      ? await list(calls, command.json, surroundings)
      : await resolve(calls, command, surroundings)
  } catch (error) {
    if (error instanceof UsageError) {
      err(`${error.message}\njoinery --help tells what there is.\n`)
      return USAGE
    }
    if (isJoineryError(error, 'CALL_UNDECIDABLE')) {
      err(`${shown(error.message)} (--claimant-has-ended)\n`)
      return NOT_DECIDED
    }
    err(`${inWords(error, command)}\n`)
    return FAILED
  }
}

async function list(calls: InDoubtCalls<Uint8Array>, json: boolean, { out, err }: Surroundings): Promise<number> {
  let count = 0
  for await (const doubt of calls.list()) {
    out(json ? `${doubtJson(doubt)}\n` : `${count === 0 ? '' : '\n'}${doubtText(doubt)}\n`)
    count++
  }
  if (!json) err(count === 0 ? 'No call is in doubt.\n' : `\n${count} in doubt.\n`)
  return 0
}

async function resolve(
  calls: InDoubtCalls<Uint8Array>,
  asked: Resolution,
  { out, err }: Surroundings,
): Promise<number> {
  const { id, token, pipeline, was: outcome, result, by, why, claimantHasEnded, json } = asked
  const found: InDoubtCall[] = []
  for await (const doubt of calls.list())
    if (doubt.id === id && (pipeline === undefined || doubt.pipeline === pipeline)) found.push(doubt)
  const [doubt, another] = found
  if (doubt === undefined) {
    err(`call ${shown(id)} is not in doubt: nothing was decided\n`)
    return NOT_DECIDED
  }
  if (another !== undefined)
    throw new UsageError(
      `calls of that id are in doubt in several pipelines: say --pipeline, one of ${found.map((each) => each.pipeline).join(', ')}`,
    )
  if (token !== undefined && token !== doubt.token) {
    err(`call ${shown(id)} is in doubt under another claim by now, ${doubt.token}: look at it again\n`)
    return NOT_DECIDED
  }
  const common = { decidedBy: by, reason: why, claimantHasEnded }
  await calls.resolve(
    doubt,
    outcome === 'done'
      ? { ...common, outcome, ...(result !== undefined && { result: Buffer.from(result) }) }
      : { ...common, outcome },
  )
  if (json) out(`${JSON.stringify({ id, pipeline: doubt.pipeline, token: doubt.token, was: outcome, by, why })}\n`)
  else
    out(
      `Decided: call ${shown(id)} ${SAID[outcome]}. The owner of its task applies it, or the next one if none runs.\n`,
    )
  if (outcome === 'done' && result === undefined)
    err('Without --result the decision is ignored if the pipeline writes results: then the call stays in doubt.\n')
  return 0
}

const SAID = { done: 'was made', 'not-sent': 'was not made, and will be', abandoned: 'is given up' } as const

/** What went wrong, and what underneath it. */
function inWords(error: unknown, command: Command | undefined): string {
  if (isJoineryError(error, 'TOPIC_MISSING') && command !== undefined && 'application' in command)
    return `no application ${command.application} has run here: ${error.topic ?? 'its changelog'} does not exist`
  if (!(error instanceof Error)) return shown(String(error))
  const message = shown(error.message)
  const cause = error.cause === undefined ? '' : inWords(error.cause, undefined)
  return message.includes(cause) ? message : `${message}\n  because: ${cause}`
}
