import type { ReadinessProbe } from '../servers/readiness-probe.js'
import type { RedisOptions } from './redis-options.js'

/** The address of a server. */
export interface RedisPlace {
  readonly port: number
  readonly bind: string
  readonly data: string
}

/** @returns arguments of `redis-server`. Nothing is persisted, unless the options specify it */
export function redisSettings({ port, bind, data }: RedisPlace, { settings, tls }: RedisOptions): readonly string[] {
  const all = {
    ...(tls ? { port: 0, 'tls-port': port } : { port }),
    bind,
    dir: data,
    'protected-mode': 'no',
    save: '',
    appendonly: 'no',
    'repl-diskless-sync-delay': 0, // replicas do not wait for others
    ...settings,
  }
  return Object.entries(all).flatMap(([name, value]) => [`--${name}`, ...[value].flat().map(String)])
}

/** A server that requires a password is ready, too; one that is still loading its data is not. */
export function redisReadinessProbe(port: number, { tls = false }: RedisOptions): ReadinessProbe {
  const isReady = (answer: Buffer) => !answer.toString('latin1').startsWith('-LOADING')
  return { server: 'Redis', port, isTls: tls, request: Buffer.from('PING\r\n'), isReady }
}

export function redisUrl(port: number, { tls }: RedisOptions): string {
  return `${tls ? 'rediss' : 'redis'}://127.0.0.1:${port}`
}
