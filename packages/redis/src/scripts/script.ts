import { createHash } from 'node:crypto'

/** A constant Lua script: all data are passed as keys and arguments. */
export interface Script {
  readonly lua: string
  /** The SHA-1 by which the server identifies the script. */
  readonly sha: string
}

export function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}
