// Checks what would be published: packs each public package, lints the tarball, and uses it as an installed package.
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'

const root = join(import.meta.dirname, '..')
/** tsup installs it. */
const esbuild = createRequire(createRequire(import.meta.url).resolve('tsup'))('esbuild')
const bin = (name) => join(root, 'node_modules/.bin', name)
const EXPECTED = ['LICENSE', 'README.md', 'dist', 'package.json']
const packages = ['core', 'kafkajs', 'lmdb', 'redis'].map((name) => join(root, 'packages', name))
const failures = []
/** What the types have to infer, and to refuse: an older compiler must not let it pass. */
const PROGRAM = `
import { json, memoryLog, produce, run, stream, table, text, topic } from '@joinery/core'
const activations = topic('activations', { key: text(), value: json<{ productId: string }>() })
const information = table(topic('information', { key: text(), value: json<{ externalId: string }>() }))
const notifications = topic('notifications', { key: text(), value: json<{ productId: string; externalId: string }>() })
const notify = stream(activations).join(information, (event, row) => ({ ...event, ...row })).to(notifications)
export async function use(): Promise<void> {
  const log = memoryLog()
  await using app = await run(notify, { application: 'service', log })
  const row: { externalId: string } | undefined = await app.query(information).get('p1')
  await produce(log, activations, { key: 'p1', value: { productId: row?.externalId ?? 'p1' } })
  // @ts-expect-error the key is a string
  await produce(log, activations, { key: 5, value: { productId: 'p1' } })
  // @ts-expect-error the product id is a string
  await produce(log, activations, { key: 'p1', value: { productId: 7 } })
  // @ts-expect-error the result has no external id
  stream(activations).join(information, (event) => event).to(notifications)
}
declare const registry: { decode(bytes: Uint8Array): Promise<any> }
// @ts-expect-error decode returns a promise
topic('avro', { key: text(), value: { format: 'avro', decode: (b) => registry.decode(b), encode: (v: string) => Buffer.from(v) } })
`

const run = (command, args, cwd) => {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, NO_COLOR: '1' },
  })
  if (error) throw error
  return { isOk: status === 0, output: `${stdout}${stderr}`.trim() }
}
const check = (what, { isOk, output }) => {
  console.log(`${isOk ? 'ok' : 'not ok'} ${what}`)
  if (!isOk) failures.push(`${what}\n${output}`)
}

const project = mkdtempSync(join(tmpdir(), 'joinery-packages-'))
try {
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }))
  const entries = []
  for (const directory of packages) entries.push(...(await install(directory)))
  for (const name of ['kafkajs', 'ioredis', 'lmdb', 'lru-cache', '@types/node']) linkDependency(name)
  for (const entry of entries) {
    const use = (load) =>
      `${load}; if (Object.keys(entry).length === 0) throw new Error('the entry point exports nothing')`
    const esm = ['--input-type=module', '--eval', use(`import * as entry from '${entry}'`)]
    const cjs = ['--input-type=commonjs', '--eval', use(`const entry = require('${entry}')`)]
    check(`import ${entry}`, run(process.execPath, esm, project))
    check(`require ${entry}`, run(process.execPath, cjs, project))
    // from this folder, the transformed packages are found first
    check(`require ${entry}, transformed to CommonJS as Jest does`, run(process.execPath, cjs, commonJsProject()))
  }
  const command = join(project, 'node_modules/@joinery/kafkajs/dist/cli.js')
  check('joinery --help', run(process.execPath, [command, '--help'], project))
  for (const version of ['typescript', 'typescript-oldest']) {
    const { version: number } = JSON.parse(readFileSync(join(root, 'node_modules', version, 'package.json'), 'utf8'))
    check(
      `the declarations compile on their own, and check a program, with TypeScript ${number}`,
      compile(entries, version),
    )
  }
  // the default of ts-jest, which does not know `exports`
  const node10 = { module: 'CommonJS', moduleResolution: 'Node10' }
  check('the declarations are found with moduleResolution node10', compile(entries, 'typescript-oldest', node10))
} finally {
  rmSync(project, { recursive: true, force: true })
}
if (failures.length > 0) {
  console.error(`\n${failures.join('\n\n')}`)
  process.exit(1)
}

/**
 * Packs a package, lints it, and unpacks it into node_modules of the project.
 *
 * @returns its entry points
 */
async function install(directory) {
  const { name } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
  const packed = run('pnpm', ['pack', '--json', '--pack-destination', project], directory)
  if (!packed.isOk) throw new Error(packed.output)
  const tarball = join(
    project,
    readdirSync(project).find(
      (file) => file.startsWith(`${name.slice(1).replace('/', '-')}-`) && file.endsWith('.tgz'),
    ),
  )
  const home = join(project, 'node_modules', name)
  mkdirSync(home, { recursive: true })
  check(`unpack ${name}`, run('tar', ['-xzf', tarball, '--strip-components=1', '-C', home], project))

  const files = readdirSync(home).sort()
  check(`${name} contains only ${EXPECTED.join(', ')}`, {
    isOk: String(files) === String([...EXPECTED].sort()),
    output: `it contains ${files.join(', ')}`,
  })
  const armed = readdirSync(join(home, 'dist')).filter((file) =>
    /failpoint/i.test(readFileSync(join(home, 'dist', file), 'utf8')),
  )
  check(`${name} has no failpoints`, { isOk: armed.length === 0, output: `${armed.join(', ')} contain failpoints` })
  const { messages, pkg } = await publint({
    pack: { tarball: bytesOf(tarball) },
    level: 'suggestion',
    strict: true,
  })
  check(`publint ${name}`, {
    isOk: messages.length === 0,
    output: messages.map((message) => formatMessage(message, pkg)).join('\n'),
  })
  check(`are-the-types-wrong ${name}`, run(bin('attw'), [tarball, '--profile', 'esm-only', '--no-emoji'], project))
  const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
  return Object.keys(exports)
    .filter((entry) => entry !== './package.json')
    .map((entry) => join(name, entry))
}

/**
 * The installed packages as Jest sees them once it transforms them (docs/testing.md): each module as CommonJS.
 * Syntax that only ES modules have, such as an `await` at the top level, would be an error.
 *
 * @returns the folder of a project that has them
 */
function commonJsProject() {
  const folder = join(project, 'commonjs')
  if (existsSync(folder)) return folder
  for (const directory of packages) {
    const { name, type: _, ...rest } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))
    const [from, to] = [project, folder].map((parent) => join(parent, 'node_modules', name))
    mkdirSync(join(to, 'dist'), { recursive: true })
    writeFileSync(join(to, 'package.json'), JSON.stringify({ name, ...rest }))
    for (const file of readdirSync(join(from, 'dist')).filter((each) => each.endsWith('.js'))) {
      const { code } = esbuild.transformSync(readFileSync(join(from, 'dist', file), 'utf8'), {
        sourcefile: `${name}/dist/${file}`,
        format: 'cjs',
        platform: 'node',
        target: 'node20',
        logLevel: 'silent', // import.meta.url is undefined then
      })
      writeFileSync(join(to, 'dist', file), code)
    }
  }
  return folder
}

function bytesOf(file) {
  const bytes = readFileSync(file)
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)
}

/** Links a dependency that users would install in addition, from this repository, so that no registry is needed. */
function linkDependency(name) {
  const from = ['', 'packages/core', 'packages/kafkajs', 'packages/lmdb', 'packages/redis'].map((folder) =>
    join(root, folder, 'node_modules', name),
  )
  const found = from.flatMap((path) => {
    try {
      return realpathSync(path)
    } catch {
      return []
    }
  })[0]
  if (found === undefined) throw new Error(`${name} is not installed: run pnpm install`)
  mkdirSync(join(project, 'node_modules', name, '..'), { recursive: true })
  symlinkSync(found, join(project, 'node_modules', name), 'dir')
}

/**
 * Compiles without skipLibCheck, so that a declaration that does not resolve is an error.
 *
 * @param typescript the name under which the compiler is installed
 * @param resolution how modules are resolved
 */
function compile(entries, typescript, resolution = { module: 'NodeNext' }) {
  const all = entries.map((entry, i) => `export * as entry${i} from '${entry}'`)
  writeFileSync(join(project, 'user.ts'), [...all, PROGRAM].join('\n'))
  const options = {
    ...resolution,
    target: 'ES2022',
    lib: ['ES2023', 'ESNext.Disposable', 'DOM'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    types: ['node'],
  }
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['user.ts'] }))
  return run(process.execPath, [join(root, 'node_modules', typescript, 'bin/tsc'), '-p', project], project)
}
