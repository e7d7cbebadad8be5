import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isJoineryError, JoineryError } from '../../errors.js'
import type { LogOffsets, OffsetAndMetadata, TaskOffsets } from '../contract.js'

const FORMAT = 1

/** What a file holds. */
interface Contents {
  readonly format: number
  /** Who has opened it last. */
  readonly owner: string
  readonly offsets: Readonly<Record<string, OffsetAndMetadata>>
}

/**
 * Keeps offsets in files, one for each task, replaced as a whole and flushed to the disk. Who opens a task's file fences the
 * one who had it before, in this process or another.
 *
 * @param directory is made if it does not exist
 * @throws JoineryError `OPTION_INVALID` if it cannot be made
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 *
 * const offsets = offsetFiles(mkdtempSync('/tmp/service-a-')) // a directory that stays, in production
 * const { saved } = await offsets.open({ application: 'service-a', task: 0 })
 * console.log(saved.size) // 0
 * ```
 */
export function offsetFiles(directory: string): LogOffsets {
  try {
    mkdirSync(directory, { recursive: true })
  } catch (cause) {
    throw new JoineryError('OPTION_INVALID', `offsets cannot be kept in ${directory}: ${String(cause)}`, { cause })
  }
  return {
    async open({ application, task }): Promise<TaskOffsets> {
      const name = `${application}-${task}.json`
      const owner = randomUUID()
      const file = join(directory, name)
      const saved = new Map(Object.entries((await load(file))?.offsets ?? {}))
      const save = (offsets: ReadonlyMap<string, OffsetAndMetadata>) =>
        replace(directory, name, { format: FORMAT, owner, offsets: Object.fromEntries(offsets) })
      await save(saved)
      await removeLeftovers(directory, name)
      return {
        saved,
        save: async (offsets) => {
          if ((await load(file))?.owner !== owner) return 'fenced'
          await save(offsets)
          return 'saved'
        },
      }
    },
  }
}

async function load(file: string): Promise<Contents | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const contents = JSON.parse(text) as Contents
    if (contents.format === FORMAT) return contents
    throw new JoineryError(
      'CHANGELOG_INVALID',
      `${file} has format ${contents.format}, this version reads ${FORMAT}: run the version that wrote it, or newer`,
    )
  } catch (cause) {
    if (isJoineryError(cause)) throw cause
    const message = `${file} is damaged: restore it, or delete it, and its task reads everything again`
    throw new JoineryError('CHANGELOG_INVALID', message, { cause })
  }
}

/** A crash leaves the old contents or the new ones. */
async function replace(directory: string, name: string, contents: Contents): Promise<void> {
  const file = join(directory, name)
  const next = `${file}.${contents.owner}.tmp`
  await flushed(next, 'w', (handle) => handle.writeFile(JSON.stringify(contents)))
  await rename(next, file)
  await flushed(directory, 'r', async () => {})
}

async function flushed(
  path: string,
  flags: string,
  use: (handle: Awaited<ReturnType<typeof open>>) => Promise<void>,
): Promise<void> {
  const handle = await open(path, flags)
  try {
    await use(handle)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** What a crash of an earlier owner has left half written. */
async function removeLeftovers(directory: string, name: string): Promise<void> {
  const left = (await readdir(directory)).filter((each) => each.startsWith(`${name}.`) && each.endsWith('.tmp'))
  await Promise.all(left.map((each) => rm(join(directory, each), { force: true })))
}
