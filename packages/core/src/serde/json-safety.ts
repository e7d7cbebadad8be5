import { JoineryError } from '../errors.js'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Refuses JSON that is nested too deeply, before it is parsed: a parsed value of depth 100 000 overflows the stack of
 * whoever walks or writes it.
 */
export function checkDepth(bytes: Uint8Array, maxDepth: number): void {
  let depth = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    if (byte === QUOTE) {
      for (i++; i < bytes.length && bytes[i] !== QUOTE; i++) if (bytes[i] === BACKSLASH) i++
    } else if ((byte | 0x20) === 0x7b) {
      // [ or {
      if (++depth > maxDepth)
        throw new JoineryError('DECODE_FAILED', `the JSON is nested deeper than ${maxDepth} levels`)
    } else if ((byte | 0x20) === 0x7d) depth--
  }
}

/** Refuses keys that turn into a prototype when somebody copies the value key by key. */
export function refusePrototypeKeys(source: string, value: unknown): void {
  const isSuspicious = source.includes('__proto__') || source.includes('constructor') || source.includes('\\u')
  if (isSuspicious && typeof value === 'object' && value !== null) walk(value)
}

/** Without recursion: who raises the depth limit must not overflow the stack here. */
function walk(root: object): void {
  const open: object[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Object.hasOwn(value, '__proto__')) refuse('__proto__')
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner !== 'object' || inner === null) continue
      if (key === 'constructor' && Object.hasOwn(inner, 'prototype')) refuse('constructor.prototype')
      open.push(inner)
    }
  }
}

function refuse(key: string): never {
  throw new JoineryError('DECODE_FAILED', `the JSON has a key ${key}, which is refused`)
}
