import type { InDoubtCall } from '@joinery/core'

/** A doubt as `--json` prints it. Times are ISO 8601; key and value are text where they are UTF-8, else base64. */
export function doubtJson(doubt: InDoubtCall): string {
  const { id, pipeline, token, claimant, origin, record, since, reason, claimantFinished } = doubt
  return JSON.stringify({
    id,
    pipeline,
    token,
    finished: claimantFinished,
    why: reason,
    since: new Date(since).toISOString(),
    claimant: { ...claimant, startedAt: new Date(claimant.startedAt).toISOString() },
    origin,
    ...textOr64('key', record.key),
    ...textOr64('value', record.value),
  })
}

/** A doubt for a person. */
export function doubtText({
  id,
  pipeline,
  token,
  claimant,
  origin,
  since,
  reason,
  claimantFinished,
}: InDoubtCall): string {
  const { host, pid, startedAt } = claimant
  const { topic, partition, offset } = origin
  return [
    shown(id),
    `  pipeline   ${shown(pipeline)}`,
    `  record     ${topic}[${partition}] at offset ${offset}`,
    `  in doubt   since ${new Date(since).toISOString()}: ${shown(reason)}`,
    `  claimant   process ${pid} on ${shown(host)}, started ${new Date(startedAt).toISOString()}`,
    `  finished   ${claimantFinished ? 'yes: it sends nothing more' : 'no: it may still send, unless its process has ended'}`,
    `  token      ${token}`,
  ].join('\n')
}

/** Without what would steer a terminal: it comes from records. */
export function shown(text: string): string {
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
