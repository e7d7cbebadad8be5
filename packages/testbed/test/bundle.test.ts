import { spawnSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from '../src/bundle.js'

const ENTRY = fileURLToPath(new URL('./fixtures/passes.ts', import.meta.url))
const programs: string[] = []
afterAll(() => Promise.all(programs.map((program) => rm(dirname(program), { recursive: true, force: true }))))

const made = async (...conditions: string[]) => {
  const program = await bundle(ENTRY, [], conditions)
  programs.push(program)
  return (failpoint: string) => {
    const env = { ...process.env, JOINERY_FAILPOINT: failpoint }
    const { stdout, stderr, signal, status } = spawnSync(process.execPath, [program], { env, encoding: 'utf8' })
    return { lines: stdout.split('\n').filter((line) => line !== ''), stderr, signal, status }
  }
}

describe('a program bundled with failpoints', () => {
  let run: Awaited<ReturnType<typeof made>>
  beforeAll(async () => {
    run = await made('joinery:failpoints')
  })

  it('ends at the failpoint, and reports it', () => {
    expect(run('commit.begun@3')).toMatchObject({
      signal: 'SIGKILL',
      lines: ['1', '2', '{"failpoint":"commit.begun@3"}'],
    })
  })
  it('counts only requests of the given API', () => {
    expect(run('request.sent/0@2')).toMatchObject({
      signal: 'SIGKILL',
      lines: ['1', '2', '3', '{"failpoint":"request.sent/0@2"}'],
    })
  })
  it('can be sent another signal', () => {
    expect(run('commit.begun@1:SIGTERM')).toMatchObject({ signal: 'SIGTERM' })
  })
  it('continues at other failpoints', () => {
    expect(run('')).toMatchObject({ status: 0, lines: ['1', '2', '3', '4', '5'] })
  })
  it('does not start with a failpoint that it cannot parse', () => {
    expect(run('commit.begun').stderr).toContain('JOINERY_FAILPOINT')
  })
})

it('a program bundled without them ignores the variable', async () => {
  const run = await made()
  expect(run('commit.begun@1')).toMatchObject({ status: 0, lines: ['1', '2', '3', '4', '5'] })
})
