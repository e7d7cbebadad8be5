import { spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bundle } from '../../../testbed/src/bundle.js'

let program = ''
beforeAll(async () => {
  program = await bundle(new URL('../../src/cli/main.ts', import.meta.url).pathname)
}, 60_000)
afterAll(() => rm(dirname(program), { recursive: true }))

it('a program that stops reading, such as head, ends the command without an error', async () => {
  const command = spawn(process.execPath, [program, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] })
  command.stdout.destroy()
  let errors = ''
  command.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString()
  })
  const code = await new Promise((resolve) => command.once('close', resolve))
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
}, 60_000)
