import { JoineryError } from '../errors.js'

const MAX = Number.MAX_SAFE_INTEGER

/**
 * Rejects JSON that can harm the code that processes it: nesting that is too deep, and keys that can change a
 * prototype.
 *
 * @returns whether all numbers are certainly what the text says; otherwise one may have lost digits, or is infinite
 * @throws JoineryError `DECODE_FAILED`
 */
export function isSafe(source: string, value: unknown, maxDepth: number): boolean {
  if (!isNested(value)) return typeof value !== 'number' || isExact(value)
  if (maxDepth > 0 && isFlat(source)) {
    if (Object.hasOwn(value, '__proto__')) reject('__proto__')
    return hasExactNumbers(value)
  }
  const hasExact = checkDepth(value, maxDepth)
  // both keys contain it, unless they are written with escapes
  if (source.includes('proto') || source.includes('\\u')) rejectPrototypeKeys(value)
  return hasExact
}

const isExact = (value: number): boolean => value <= MAX && value >= -MAX

function hasExactNumbers(value: Nested): boolean {
  if (isArray(value)) {
    for (const inner of value) if (typeof inner === 'number' && !(inner <= MAX && inner >= -MAX)) return false
  } else {
    for (const key in value) {
      const inner = value[key]
      if (typeof inner === 'number' && !(inner <= MAX && inner >= -MAX)) return false
    }
  }
  return true
}

/**
 * Code that walks or serialises a value 100 000 levels deep overflows the stack. This check goes level by level, without
 * recursion.
 *
 * @returns whether all numbers are exact
 */
function checkDepth(root: Nested, maxDepth: number): boolean {
  let hasExact = true
  let level: Nested[] | undefined = [root]
  for (let depth = 1; level !== undefined; depth++) {
    if (depth > maxDepth) throw new JoineryError('DECODE_FAILED', `the JSON is nested deeper than ${maxDepth} levels`)
    let next: Nested[] | undefined
    for (const value of level) {
      if (isArray(value)) {
        for (const inner of value) {
          if (isNested(inner)) next = push(next, inner)
          else if (typeof inner === 'number' && !(inner <= MAX && inner >= -MAX)) hasExact = false
        }
      } else {
        for (const key in value) {
          const inner = value[key]
          if (isNested(inner)) next = push(next, inner)
          else if (typeof inner === 'number' && !(inner <= MAX && inner >= -MAX)) hasExact = false
        }
      }
    }
    level = next
  }
  return hasExact
}

/** @returns whether no array or object can be inside another one; searching for brackets is faster than visiting all values */
function isFlat(source: string): boolean {
  return source.indexOf('{', 1) < 0 && source.indexOf('[', 1) < 0
}

type Nested = unknown[] | { readonly [key: string]: unknown }

const isArray = (value: Nested): value is unknown[] => Array.isArray(value)
const isNested = (value: unknown): value is Nested => typeof value === 'object' && value !== null

function push(into: Nested[] | undefined, value: Nested): Nested[] {
  if (into === undefined) return [value]
  into.push(value)
  return into
}

/** Code that copies an object key by key would change a prototype. Without recursion, so that it works with any depth limit. */
function rejectPrototypeKeys(root: object): void {
  const open: object[] = [root]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (Object.hasOwn(value, '__proto__')) reject('__proto__')
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner !== 'object' || inner === null) continue
      if (key === 'constructor' && Object.hasOwn(inner, 'prototype')) reject('constructor.prototype')
      open.push(inner)
    }
  }
}

function reject(key: string): never {
  throw new JoineryError('DECODE_FAILED', `the JSON has the key ${key}, which is not allowed`)
}
