import { describe, it } from 'vitest'
import { commentBlocks, documentBlocks } from '../../../core/test/docs/code-blocks.js'
import { prepare } from '../../../core/test/docs/compile-blocks.js'
import { runBlock } from '../../../core/test/docs/run-block.js'
import * as joineryLmdb from '../../src/index.js'

const blocks = [...documentBlocks(), ...commentBlocks()].map(prepare)

// packages/core/test/docs compiles all of them
describe('code in documents and doc comments that needs lmdb', () => {
  for (const prepared of blocks) {
    const { block, imports } = prepared
    if (block.trial !== 'run' || !imports.has('@joinery/lmdb')) continue
    it(`runs: ${block.file}:${block.line}`, () => runBlock(prepared, blocks, { '@joinery/lmdb': joineryLmdb }), 20_000)
  }
})
