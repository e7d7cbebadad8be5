import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { KafkaLogConfig } from '../kafka-log-config.js'
import type { Connection } from './command-line.js'
import { UsageError } from './usage-error.js'

const PASSWORD_VARIABLE = 'JOINERY_SASL_PASSWORD'

/** A person waits at the terminal: an outage is reported after a few seconds. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 1_000, retries: 4 } as const

/**
 * @returns the configuration of the log
 * @throws UsageError for a file that cannot be read, a module without `config`, a missing password
 */
export async function configOf(
  connection: Connection,
  env: Readonly<Record<string, string | undefined>>,
): Promise<KafkaLogConfig> {
  if ('config' in connection) return { retry: RETRY, ...(await moduleConfig(connection.config)) }
  const { brokers, tls, sasl } = connection
  const password = env[PASSWORD_VARIABLE]
  if (sasl !== undefined && password === undefined)
    throw new UsageError(`${PASSWORD_VARIABLE} is not set: it must contain the password of --sasl-username`)
  return {
    brokers: [...brokers],
    retry: RETRY,
    ...(tls !== undefined && { ssl: await tlsOf(tls) }),
    ...(sasl !== undefined && { sasl: { ...sasl, password: password ?? '' } as NonNullable<KafkaLogConfig['sasl']> }),
  }
}

async function moduleConfig(file: string): Promise<KafkaLogConfig> {
  let module: { readonly config?: unknown }
  try {
    module = await import(pathToFileURL(resolve(file)).href)
  } catch (error) {
    // its message may contain a line of the file, with a password
    throw new UsageError(`--config: ${file} cannot be loaded (${nameOf(error)})`)
  }
  const { config } = module
  if (typeof config !== 'object' || config === null || !('brokers' in config))
    throw new UsageError(`--config: ${file} must export config, an object with brokers, as kafkaLog takes it`)
  return config as KafkaLogConfig
}

async function tlsOf(files: Readonly<Record<string, string>>): Promise<true | Record<string, string>> {
  const entries = await Promise.all(
    Object.entries(files).map(async ([name, file]) => {
      const text = await readFile(file, 'utf8').catch((error: unknown) => {
        throw new UsageError(`--tls-${name}: ${file} cannot be read (${nameOf(error)})`)
      })
      return [name, text] as const
    }),
  )
  return entries.length === 0 ? true : Object.fromEntries(entries)
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'an unknown error'
  return 'code' in error ? String(error.code) : error.name
}
