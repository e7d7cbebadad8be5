import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { isPossible } from './servers.js'

/** A server that `REDIS_SERVER` names may be built without TLS. */
export const isTlsPossible: boolean = isPossible && (process.env.REDIS_SERVER ?? '').trim() === ''

/** A certificate for 127.0.0.1, with settings for servers that use it. */
export interface Tls {
  readonly folder: string
  readonly ca: string
  readonly settings: Readonly<Record<string, string>>
  remove(): Promise<void>
}

export async function createTls(): Promise<Tls> {
  const folder = await mkdtemp(join(tmpdir(), 'joinery-tls-'))
  await chmod(folder, 0o755)
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  await promisify(execFile)('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
  ])
  await chmod(key, 0o644)
  return {
    folder,
    ca: await readFile(certificate, 'utf8'),
    settings: {
      'tls-cert-file': certificate,
      'tls-key-file': key,
      'tls-ca-cert-file': certificate,
      'tls-auth-clients': 'no',
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
