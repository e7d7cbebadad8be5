import { createHash } from 'node:crypto'

/** A Lua script, constant: all data come as keys and arguments. */
export interface Script {
  readonly lua: string
  /** By which the server knows it. */
  readonly sha: string
}

export function script(lua: string): Script {
  return { lua, sha: createHash('sha1').update(lua).digest('hex') }
}
