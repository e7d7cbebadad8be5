import { beforeAll, describe, expect, it, vi } from 'vitest'
import { commentBlocks, documentBlocks } from './code-blocks.js'
import { compile, prepare } from './compile-blocks.js'
import { runBlock } from './run-block.js'

const blocks = [...documentBlocks(), ...commentBlocks()].map(prepare)
const needsKafkajs = (imports: ReadonlySet<string>) => imports.has('@joinery/kafkajs') || imports.has('kafkajs')
const needsLmdb = (imports: ReadonlySet<string>) => imports.has('@joinery/lmdb')
const needsRedis = (imports: ReadonlySet<string>) => imports.has('@joinery/redis')

describe('code in documents and doc comments', () => {
  // servers in examples listen on a free port
  beforeAll(() => void vi.stubEnv('PORT', '0'))

  it('compiles under the options of the repository', () => {
    expect(compile(blocks)).toEqual([])
  })

  it('that needs a broker or a Redis says so', () => {
    const places = (list: typeof blocks) => list.map(({ block }) => `${block.file}:${block.line}`)
    expect(places(blocks.filter(({ block, imports }) => block.trial === 'kafka' && !needsKafkajs(imports)))).toEqual([])
    expect(places(blocks.filter(({ block, imports }) => block.trial === 'run' && needsRedis(imports)))).toEqual([])
  })

  for (const prepared of blocks) {
    const { block, imports } = prepared
    // test/docs of the packages that they need run the others
    if (block.trial !== 'run' || needsKafkajs(imports) || needsLmdb(imports)) continue
    it(`runs: ${block.file}:${block.line}`, () => runBlock(prepared, blocks), 60_000)
  }
})
