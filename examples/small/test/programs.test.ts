import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatWithOptions } from 'node:util'
import type { StateStores } from '@joinery/core'
import { stateStoreSuite } from '@joinery/core/testing'
import { describe, expect, it, vi } from 'vitest'

const SRC = join(import.meta.dirname, '../src')
const MAX_LINES = 40

/** What each program prints. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  '01-join': ["p1 { productId: 'p1', externalId: 'x1' }", "emitted 1, dropped { 'no-row': 1 }"],
  '02-wait': ['waiting 1', 'waiting after the crash 1', "p1 { productId: 'p1', externalId: 'x1' }", 'waiting 0'],
  '03-dead-letter': ["{ productId: 'p1' } no-row product-information 1800000", '{"productId": undecodable'],
  '04-call-once': ['the service received POST /products/x1', 'p1 { status: 204 }', 'dropped { duplicate: 1 }'],
  '05-own-store': ['an event, its row'],
  '06-operator': [
    'outputs 0',
    'notifications {"productId":"p1","externalId":"x1"}',
    "read on at { 'product-activation': 1, 'product-information': 1 }",
  ],
}

/** Runs a program to its end. */
async function printedBy(name: string): Promise<string[]> {
  const printed: string[] = []
  const log = vi.spyOn(console, 'log').mockImplementation((...args) => {
    printed.push(formatWithOptions({ breakLength: 200 }, ...args))
  })
  try {
    await import(`../src/${name}.ts`)
  } finally {
    log.mockRestore()
  }
  return printed
}

describe('the small programs', () => {
  it('are these', () => {
    expect(readdirSync(SRC).sort()).toEqual(Object.keys(PRINTED).map((name) => `${name}.ts`))
  })

  it.each(Object.entries(PRINTED))('%s prints its result', async (name, expected) => {
    expect(await printedBy(name)).toEqual(expected)
  })

  it.each(Object.keys(PRINTED))(`%s has at most ${MAX_LINES} lines`, (name) => {
    const text = readFileSync(join(SRC, `${name}.ts`), 'utf8')
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_LINES)
  })
})

describe('the store of 05-own-store', () => {
  const stores: StateStores = { open: async (id) => (await import('../src/05-own-store.js')).mapStores.open(id) }
  stateStoreSuite({ describe, it }, 'mapStores', () => stores, { durable: false, shared: false })
})
