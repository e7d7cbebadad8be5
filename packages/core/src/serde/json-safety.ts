import { JoineryError } from '../errors.js'

/** Refuses JSON that may harm who works with it: nested too deeply, or with keys that turn into a prototype. */
export function checkSafety(source: string, value: unknown, maxDepth: number): void {
  if (!isNested(value)) return
  if (maxDepth > 0 && isFlat(source)) {
    if (Object.hasOwn(value, '__proto__')) refuse('__proto__')
    return
  }
  checkDepth(value, maxDepth)
  // both keys have it, unless they are written with escapes
  if (source.includes('proto') || source.includes('\\u')) refusePrototypeKeys(value)
}

/** A value of depth 100 000 overflows the stack of whoever walks or writes it. Level by level, so not the stack of who looks. */
function checkDepth(root: Nested, maxDepth: number): void {
  let level: Nested[] | undefined = [root]
  for (let depth = 1; level !== undefined; depth++) {
    if (depth > maxDepth) throw new JoineryError('DECODE_FAILED', `the JSON is nested deeper than ${maxDepth} levels`)
    level = innerOf(level)
  }
}

/** Whether no array or object can be within another one. To look for brackets is faster than to look at all values. */
function isFlat(source: string): boolean {
  return source.indexOf('{', 1) < 0 && source.indexOf('[', 1) < 0
}

/** The arrays and objects within; `undefined` if there are none, which is most often so. */
function innerOf(level: readonly Nested[]): Nested[] | undefined {
  let found: Nested[] | undefined
  for (const value of level) {
    if (isArray(value)) {
      for (const inner of value) if (isNested(inner)) found = push(found, inner)
    } else {
      for (const key in value) {
        const inner = value[key]
        if (isNested(inner)) found = push(found, inner)
      }
    }
  }
  return found
}

type Nested = unknown[] | { readonly [key: string]: unknown }

const isArray = (value: Nested): value is unknown[] => Array.isArray(value)
const isNested = (value: unknown): value is Nested => typeof value === 'object' && value !== null

function push(into: Nested[] | undefined, value: Nested): Nested[] {
  if (into === undefined) return [value]
  into.push(value)
  return into
}

/** Copied key by key they change a prototype. Without recursion: who raises the depth limit must not overflow the stack here. */
function refusePrototypeKeys(root: object): void {
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
