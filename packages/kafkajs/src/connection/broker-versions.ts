import { JoineryError } from '@joinery/core'
import { type Api, type ApiCodec, apiCodec, type ResponseOf } from '../protocol/api.js'
import type { API_VERSIONS } from '../protocol/api-versions.js'

/** The versions of a request that may be sent, if not all that this client implements. */
export interface VersionLimits {
  readonly minVersion?: number
  readonly maxVersion?: number
}

type Range = ResponseOf<typeof API_VERSIONS>['apiKeys'][number]

/** The versions of each API that a broker supports. */
export class BrokerVersions {
  readonly #address: string
  readonly #ranges: ReadonlyMap<number, Range>
  readonly #codecs = new Map<string, ApiCodec<Api>>()

  /** @param address names the broker in errors */
  constructor(address: string, apiKeys: readonly Range[]) {
    this.#address = address
    this.#ranges = new Map(apiKeys.map((range) => [range.apiKey, range]))
  }

  /**
   * @returns an API in the highest version that both sides know
   * @throws JoineryError `CLIENT_UNSUPPORTED` if there is none
   */
  codec<A extends Api>(api: A, limits: VersionLimits = {}): ApiCodec<A> {
    const version = this.#version(api, limits)
    if (version === undefined) throw this.#unsupported([lack(api, limits, this.#ranges.get(api.key))])
    const id = `${api.key}/${version}`
    let codec = this.#codecs.get(id)
    if (codec === undefined) {
      codec = apiCodec<Api>(api, version)
      this.#codecs.set(id, codec)
    }
    return codec as ApiCodec<A>
  }

  /** Whether there is a version of an API that both sides know. */
  supports(api: Api, limits: VersionLimits = {}): boolean {
    return this.#version(api, limits) !== undefined
  }

  /** @throws JoineryError `CLIENT_UNSUPPORTED`, which names all of these APIs that the broker does not support */
  require(apis: readonly Api[]): void {
    const lacking = apis.filter((api) => this.#version(api, {}) === undefined)
    if (lacking.length > 0) throw this.#unsupported(lacking.map((api) => lack(api, {}, this.#ranges.get(api.key))))
  }

  #version(api: Api, { minVersion = 0, maxVersion = api.maxVersion }: VersionLimits): number | undefined {
    const range = this.#ranges.get(api.key)
    if (range === undefined) return undefined
    const version = Math.min(api.maxVersion, maxVersion, range.maxVersion)
    return version >= Math.max(api.minVersion, minVersion, range.minVersion) ? version : undefined
  }

  #unsupported(lacks: readonly string[]): JoineryError {
    return new JoineryError(
      'CLIENT_UNSUPPORTED',
      `broker ${this.#address} does not support ${lacks.join(', ')}: Kafka 2.8 or later is needed`,
    )
  }
}

function lack(api: Api, { minVersion = 0, maxVersion = api.maxVersion }: VersionLimits, range?: Range): string {
  const needed = versions(Math.max(api.minVersion, minVersion), Math.min(api.maxVersion, maxVersion))
  const has = range === undefined ? 'no version' : versions(range.minVersion, range.maxVersion)
  return `${api.name} (it has ${has}, Joinery needs ${needed})`
}

const versions = (from: number, to: number): string => (from === to ? `version ${from}` : `versions ${from} to ${to}`)
