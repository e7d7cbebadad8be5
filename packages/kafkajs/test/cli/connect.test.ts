import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { configOf } from '../../src/cli/connect.js'

const folder = mkdtempSync(join(tmpdir(), 'joinery-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const flags = { brokers: ['a:9092'], tls: undefined, sasl: undefined }

describe('the configuration of the command joinery', () => {
  it('takes the password from the environment alone', async () => {
    const sasl = { mechanism: 'plain', username: 'ops' } as const
    expect(await configOf({ ...flags, sasl }, { JOINERY_SASL_PASSWORD: 'secret' })).toMatchObject({
      sasl: { mechanism: 'plain', username: 'ops', password: 'secret' },
    })
    await expect(configOf({ ...flags, sasl }, {})).rejects.toThrow('JOINERY_SASL_PASSWORD')
  })

  it('reads the files of TLS', async () => {
    expect(await configOf({ ...flags, tls: {} }, {})).toMatchObject({ ssl: true })
    const ca = file('ca.pem', 'a certificate')
    expect(await configOf({ ...flags, tls: { ca } }, {})).toMatchObject({ ssl: { ca: 'a certificate' } })
    await expect(configOf({ ...flags, tls: { ca: join(folder, 'none') } }, {})).rejects.toThrow(/--tls-ca: .*ENOENT/)
  })

  it('takes the export config of a module', async () => {
    const config = file('good.mjs', "export const config = { brokers: ['b:1'], clientId: 'ops' }")
    expect(await configOf({ config }, {})).toMatchObject({ brokers: ['b:1'], clientId: 'ops' })
  })

  it.each([
    ['none.mjs', 'export const other = 1', 'must export config'],
    ['broken.mjs', "export const config = { password: 'secret' ", 'cannot be loaded ('],
    ['throws.mjs', "throw new Error('secret')", 'cannot be loaded (Error)'],
  ])('reports what is wrong with %s, without its contents', async (name, text, message) => {
    const failed = await configOf({ config: file(name, text) }, {}).catch((error: Error) => error)
    expect(failed).toMatchObject({ message: expect.stringContaining(message) })
    expect(String(failed)).not.toContain('secret')
  })
})
