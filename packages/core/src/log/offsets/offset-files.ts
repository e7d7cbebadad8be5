import { randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isJoineryError, JoineryError } from '../../errors.js'
import type { LogOffsets, OffsetAndMetadata, TaskOffsets } from '../contract.js'

const FORMAT = 1

/** The contents of a file. */
interface Contents {
  readonly format: number
  /** The owner that opened the task last. */
  readonly owner: string
  readonly offsets: Readonly<Record<string, OffsetAndMetadata>>
}

/**
 * Stores offsets in files, one for each task. Each save replaces the file atomically and flushes it to disk. Opening the
 * file of a task fences its previous owner, in this process or another.
 *
 * @param directory a directory for these files, which is created if it does not exist
 * @returns layer 4 of a log without transactions, for {@link composeLog}
 * @throws JoineryError `OPTION_INVALID` if the directory cannot be created
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 *
 * const offsets = offsetFiles(mkdtempSync('/tmp/service-a-')) // in production: a directory that survives restarts
 * const { saved } = await offsets.open({ application: 'service-a', task: 0 })
 * console.log(saved.size) // 0
 * ```
 */
export function offsetFiles(directory: string): LogOffsets {
  try {
    mkdirSync(directory, { recursive: true })
  } catch (cause) {
    throw new JoineryError('OPTION_INVALID', `offsets cannot be stored in ${directory}: ${String(cause)}`, { cause })
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
      `${file} has format ${contents.format}, but this version reads format ${FORMAT}: run the version that wrote it, or a newer one`,
    )
  } catch (cause) {
    if (isJoineryError(cause)) throw cause
    const message = `${file} is damaged: restore it from a backup, or delete it and its task processes its inputs from the beginning`
    throw new JoineryError('CHANGELOG_INVALID', message, { cause })
  }
}

/** Replaces a file atomically: after a crash it has the old contents or the new ones. */
async function replace(directory: string, name: string, contents: Contents): Promise<void> {
  const file = join(directory, name)
  const next = `${file}.${contents.owner}.tmp`
  await withFlush(next, 'w', (handle) => handle.writeFile(JSON.stringify(contents)))
  await rename(next, file)
  await withFlush(directory, 'r', async () => {})
}

/** Opens a file or directory, uses it, and flushes it to disk. */
async function withFlush(
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

/** Removes files that an earlier owner had not finished writing when it crashed. */
async function removeLeftovers(directory: string, name: string): Promise<void> {
  const leftovers = (await readdir(directory)).filter((each) => each.startsWith(`${name}.`) && each.endsWith('.tmp'))
  await Promise.all(leftovers.map((each) => rm(join(directory, each), { force: true })))
}
