import type { ReadinessProbe } from '../servers/readiness-probe.js'
import type { RedisOptions } from './redis-options.js'

/** Where a server lies. */
export interface RedisPlace {
  readonly port: number
  readonly bind: string
  readonly data: string
}

/** Arguments of `redis-server`: nothing is kept on disk, unless the options say otherwise. */
export function redisSettings({ port, bind, data }: RedisPlace, { settings, tls }: RedisOptions): readonly string[] {
  const all = {
    ...(tls ? { port: 0, 'tls-port': port } : { port }),
    bind,
    dir: data,
    'protected-mode': 'no',
    save: '',
    appendonly: 'no',
    'repl-diskless-sync-delay': 0, // a replica need not wait for others
    ...settings,
  }
  return Object.entries(all).flatMap(([name, value]) => [`--${name}`, ...[value].flat().map(String)])
}

/** One that wants a password answers, too; one that still reads its data is not ready. */
export function redisReadinessProbe(port: number, { tls = false }: RedisOptions): ReadinessProbe {
  const isReady = (answer: Buffer) => !answer.toString('latin1').startsWith('-LOADING')
  return { server: 'Redis', port, isTls: tls, request: Buffer.from('PING\r\n'), isReady }
}

export function redisUrl(port: number, { tls }: RedisOptions): string {
  return `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`
}
