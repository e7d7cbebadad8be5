/** The probes that the choice depends on. They are functions, so that the choice can be tested. */
export interface RedisProbes {
  /** `REDIS_URL`. */
  readonly given: string | undefined
  /** `REDIS_SERVER`: the program to start, in place of Docker and of `redis-server`. */
  readonly program: string | undefined
  /** Whether a Docker daemon responds and has, or can pull, the image. */
  docker(): Promise<boolean>
  /** Whether the program runs: by default `redis-server`, if it is on the path. */
  local(): Promise<boolean>
}

/** The source of Redis. `missing` explains what to install. */
export type RedisChoice =
  | { readonly from: 'given'; readonly url: string }
  | { readonly from: 'docker' }
  | { readonly from: 'local' }
  | { readonly from: 'nowhere'; readonly missing: string }

const isSet = (text: string | undefined): boolean => text !== undefined && text.trim() !== ''

/** Chooses a given server first, then a given program, then Docker, then `redis-server`. `own`: never the given server, because it may be killed. */
export async function chooseRedis(probes: RedisProbes, own = false): Promise<RedisChoice> {
  const url = probes.given?.trim() ?? ''
  if (url !== '' && !own) return { from: 'given', url }
  if (isSet(probes.program))
    return (await probes.local())
      ? { from: 'local' }
      : { from: 'nowhere', missing: `REDIS_SERVER is ${probes.program}, which does not run` }
  if (await probes.docker()) return { from: 'docker' }
  if (await probes.local()) return { from: 'local' }
  return {
    from: 'nowhere',
    missing: `no Docker daemon responds, and there is no redis-server: start Docker, or install Redis${own ? '' : ', or set REDIS_URL=redis://host:port to a Redis for tests'}`,
  }
}
