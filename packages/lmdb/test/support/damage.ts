import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs'

/** The size of a page, and of what precedes the first one with entries. */
export const PAGE = 4_096
const META = 2 * PAGE

/** Overwrites bytes of a file in place, also while a process has it mapped. */
export function overwrite(file: string, at: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+')
  writeSync(descriptor, bytes, 0, bytes.length, at)
  closeSync(descriptor)
}

/** Overwrites bytes at the same place of each page but the first two. */
export function overwritePages(file: string, at: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+')
  const { size } = fstatSync(descriptor)
  for (let page = META; page + at < size; page += PAGE) writeSync(descriptor, bytes, 0, bytes.length, page + at)
  closeSync(descriptor)
}

/** Replaces a text wherever a file has it. */
export function replace(file: string, text: string, by: string): void {
  const descriptor = openSync(file, 'r+')
  const bytes = Buffer.alloc(fstatSync(descriptor).size)
  readSync(descriptor, bytes, 0, bytes.length, 0)
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) writeSync(descriptor, by, at)
  closeSync(descriptor)
}

/** @returns bytes that have no meaning, always the same */
export function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[i] = state >>> 24
  }
  return bytes
}
