import { randomUUID } from 'node:crypto'
import { describe, expect, inject, it } from 'vitest'
import { commentBlocks, documentBlocks } from '../../../core/test/docs/code-blocks.js'
import { prepare } from '../../../core/test/docs/compile-blocks.js'
import { runBlock } from '../../../core/test/docs/run-block.js'
import type {} from '../../../testbed/src/redis-setup.js'
import * as joineryRedis from '../../src/index.js'

const blocks = [...documentBlocks(), ...commentBlocks()].map(prepare)
const application = `docs-${randomUUID().slice(0, 8)}`

/** Replaces the server by that of the tests, and the application by one of this run, because the server can be shared. */
const rename = (code: string): string =>
  code
    .replaceAll("'redis://localhost:6379'", JSON.stringify(inject('redisUrl')))
    .replaceAll("'service-a'", JSON.stringify(application))

describe('code in documents and doc comments that needs a Redis', () => {
  const needy = blocks.filter(({ block }) => block.trial === 'redis')

  it('exists', () => {
    expect(needy.map(({ block }) => block.file)).toEqual(
      expect.arrayContaining([
        'packages/redis/README.md',
        'docs/stores/redis.md',
        'packages/redis/src/redis-stores.ts',
      ]),
    )
  })

  for (const prepared of needy) {
    const { file, line } = prepared.block
    it(`runs: ${file}:${line}`, () => runBlock(prepared, blocks, { '@joinery/redis': joineryRedis }, rename))
  }
})
