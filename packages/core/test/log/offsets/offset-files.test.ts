import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { offsetFiles } from '../../../src/log.js'

const task = { application: 'service-a', task: 2 }
const offsets = (offset: number) => new Map([['events', { offset, metadata: `"at" ${offset}\n` }]])

describe('offsets in files', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'offsets-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const open = (options = task) => offsetFiles(directory).open(options)

  it('are empty for a new task, then those that were saved last', async () => {
    const first = await open()
    expect(first.saved).toEqual(new Map())
    expect(await first.save(offsets(1))).toBe('saved')
    expect(await first.save(offsets(2))).toBe('saved')
    expect((await open()).saved).toEqual(offsets(2))
  })

  it('belong to one task of one application', async () => {
    await (await open()).save(offsets(1))
    for (const other of [
      { ...task, task: 1 },
      { ...task, application: 'service-b' },
      { application: 'service', task: 2 },
    ])
      expect((await open(other)).saved).toEqual(new Map())
  })

  it('can be saved only by the latest owner', async () => {
    const first = await open()
    await first.save(offsets(1))
    const second = await open()
    expect(await first.save(offsets(9))).toBe('fenced')
    expect(await second.save(offsets(2))).toBe('saved')
    expect((await open()).saved).toEqual(offsets(2))
  })

  it('are the old or the new ones after a crash, whose temporary files are removed', async () => {
    await (await open()).save(offsets(1))
    writeFileSync(join(directory, 'service-a-2.json.dead.tmp'), '{"format":1,"off')
    const reopened = await open()
    expect(reopened.saved).toEqual(offsets(1))
    expect(readdirSync(directory)).toEqual(['service-a-2.json'])
  })

  it.each([
    ['is truncated', (text: string) => text.slice(0, 20)],
    ['is empty', () => ''],
    ['has a newer format', (text: string) => text.replace('"format":1', '"format":2')],
  ])('cannot be opened if the file %s', async (_, damage) => {
    await (await open()).save(offsets(1))
    const file = join(directory, 'service-a-2.json')
    writeFileSync(file, damage(readFileSync(file, 'utf8')))
    await expect(open()).rejects.toThrow(expect.objectContaining({ code: 'CHANGELOG_INVALID' }))
  })

  it('need a directory that can be created', () => {
    const file = join(directory, 'a file')
    writeFileSync(file, '')
    expect(() => offsetFiles(file)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }))
  })
})
