import type { InDoubtCall } from '@joinery/core'

/** @returns a call as `--json` prints it: times in ISO 8601; key and value as text if they are UTF-8, else in base64 */
export function callJson(call: InDoubtCall): string {
  const { id, pipeline, token, claimant, origin, record, since, reason, claimantFinished } = call
  return JSON.stringify({
    id,
    pipeline,
    token,
    claimantFinished,
    reason,
    since: new Date(since).toISOString(),
    claimant: { ...claimant, startedAt: new Date(claimant.startedAt).toISOString() },
    origin,
    ...textOr64('key', record.key),
    ...textOr64('value', record.value),
  })
}

/** @returns a call in several lines, for a person */
export function callText(call: InDoubtCall): string {
  const { id, pipeline, token, claimant, origin, since, reason, claimantFinished } = call
  const { host, pid, startedAt } = claimant
  const { topic, partition, offset } = origin
  return [
    printable(id),
    `  pipeline   ${printable(pipeline)}`,
    `  record     ${topic}[${partition}] at offset ${offset}`,
    `  in doubt   since ${new Date(since).toISOString()}: ${printable(reason)}`,
    `  claimant   process ${pid} on ${printable(host)}, started ${new Date(startedAt).toISOString()}`,
    `  finished   ${claimantFinished ? 'yes: it sends nothing more' : 'no: it may still send, unless its process has ended'}`,
    `  token      ${token}`,
  ].join('\n')
}

/** Escapes control characters: the text comes from records, and must not control a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function textOr64(name: string, bytes: Uint8Array | null): Record<string, string | null> {
  if (bytes === null) return { [name]: null }
  try {
    return { [name]: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes) }
  } catch {
    return { [`${name}Base64`]: Buffer.from(bytes).toString('base64') }
  }
}
