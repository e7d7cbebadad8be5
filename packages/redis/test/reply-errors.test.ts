import { describe, expect, it } from 'vitest'
import { CLUSTER_ADVICE, commandOf, isReadOnly, meaningOf, type ReplyKind } from '../src/reply-errors.js'

const SHA = '87631888a08cb873d710c9842235c818585f7659'
/** A reply of each kind, in full, with the words of the advice. */
const replies: readonly (readonly [message: string, kind: ReplyKind, advice: string])[] = [
  ['ERR max number of clients reached', 'passes', 'maxclients'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'passes', 'maxmemory'],
  ['MISCONF Redis is configured to save RDB snapshots, but it is unable to persist on disk', 'passes', 'log'],
  ['NOREPLICAS Not enough good replicas to write.', 'passes', 'min-replicas-to-write'],
  ['LOADING Redis is loading the dataset in memory', 'passes', ''],
  ['BUSY Redis is busy running a script.', 'passes', ''],
  ["MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", 'passes', ''],
  ['CLUSTERDOWN The cluster is down', 'passes', ''],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'passes', ''],
  ['UNBLOCKED force unblock from blocking operation', 'passes', ''],
  ['UNKILLABLE Sorry the script already executed write commands', 'passes', ''],
  ["READONLY You can't write against a read only replica.", 'another-server', ''],
  ['REDIRECT 127.0.0.1:6380', 'another-server', ''],
  ['NOAUTH Authentication required.', 'final', 'password'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'final', 'password'],
  ['ERR invalid password', 'final', 'password'],
  ["NOPERM this user has no permissions to run the 'hset' command", 'final', 'docs/stores/redis.md'],
  ["ERR ACL failure in script: User svc has no permissions to run the 'set' command", 'final', 'docs/stores/redis.md'],
  ["ERR The user executing the script can't run this command or subcommand script: 1", 'final', 'docs/stores/redis.md'],
  ['DENIED Redis is running in protected mode', 'final', 'connections'],
  ["ERR unknown command 'HMGET', with args beginning with: 'a' ", 'final', 'hides it'],
  ["ERR unknown subcommand 'x'", 'final', 'hides it'],
  ['ERR Unknown Redis command called from script script: 04eb, on @user_script:9.', 'final', 'hides it'],
  ['ERR Unknown command called from script script: on @user_script:1.', 'final', 'hides it'],
  ['ERR This Redis command is not allowed from script script: 1eaa, on @user_script:1.', 'final', 'hides it'],
  ['ERR This Valkey command is not allowed from script script: on @user_script:1.', 'final', 'hides it'],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'final', 'another namespace'],
  ["CROSSSLOT Keys in request don't hash to the same slot", 'final', 'proxy'],
  ['ERR DB index is out of range', 'final', 'database'],
  ['ERR invalid DB index', 'final', 'database'],
  ['ERR SELECT is not allowed in cluster mode', 'final', 'namespace'],
  ['ERR This instance has cluster support disabled', 'final', 'new Redis'],
  ['ERR Protocol error: invalid bulk length', 'final', ''],
  ["ERR wrong number of arguments for 'hset' command", 'final', ''],
  ['ERR syntax error', 'final', ''],
  ["ERR Error compiling script (new function): user_script:1: '=' expected near 'x'", 'final', ''],
  ['ERR an unknown error', 'passes', ''],
  ['SOMETHING new', 'passes', ''],
  ['OOMPH is another word', 'passes', ''],
]

describe('an error reply', () => {
  it.each(replies)('%s', (message, kind, advice) => {
    const meaning = meaningOf(message, false)
    expect(meaning.kind).toBe(kind)
    if (advice === '') expect(meaning).not.toHaveProperty('advice')
    else expect(meaning.advice).toContain(advice)
  })

  it.each(replies.filter(([message]) => !message.startsWith('ERR ')))(
    'of a script of Redis 6.2 means the same: %s',
    (message) => {
      const at = `ERR Error running script (call to f_${SHA}): @user_script:21: `
      expect(meaningOf(`${at}@user_script: 21: -${message}`, false)).toEqual(meaningOf(message, false))
      expect(meaningOf(`${at}${message}`, false)).toEqual(meaningOf(message, false))
    },
  )

  it.each([
    "@user_script: 1: The user executing the script can't run this command or subcommand",
    '@user_script: 1: Unknown Redis command called from Lua script',
    '@user_script: 1: This Redis command is not allowed from scripts',
    'ERR DB index is out of range',
  ])('of a script of Redis 6.2, without a code, is final: %s', (text) => {
    expect(meaningOf(`ERR Error running script (call to f_${SHA}): @user_script:1: ${text}`, false).kind).toBe('final')
  })

  it.each(
    replies.filter(([message, kind]) => /^[A-Z]{2,} /.test(message) && !message.startsWith('ERR') && kind !== 'passes'),
  )('is recognised by its code alone, at the beginning: %s', (message, kind) => {
    const [code = ''] = message.split(' ')
    expect(meaningOf(code, false).kind).toBe(kind)
    expect(meaningOf(`${code}ED`, false).kind).toBe('passes')
    expect(meaningOf(`NO ${code}`, false).kind).toBe('passes')
  })

  it.each(replies.filter(([, kind, advice]) => kind === 'passes' && advice !== ''))(
    'has advice only for its code: %s',
    (message) => {
      const [code = ''] = /^(ERR )?\w+/.exec(message) ?? []
      expect(meaningOf(`NO ${message}`, false)).toEqual({ kind: 'passes' })
      if (code !== 'ERR max') expect(meaningOf(`${code}ED`, false)).toEqual({ kind: 'passes' })
    },
  )

  it('that a row may contain does not decide', () => {
    expect(meaningOf('ERR something about -OOM or NOAUTH', false)).toEqual({ kind: 'passes' })
  })

  it.each(['MOVED 7272 127.0.0.1:7001', 'ASK 7272 127.0.0.1:7001'])(
    'that only a client for a cluster follows: %s',
    (message) => {
      expect(meaningOf(message, true)).toEqual({ kind: 'passes' })
      expect(meaningOf(message, false)).toEqual({ kind: 'final', advice: CLUSTER_ADVICE })
    },
  )

  it('of a replica is recognised, also within a script of Redis 6.2', () => {
    const text = "READONLY You can't write against a read only replica."
    expect(isReadOnly(text)).toBe(true)
    expect(isReadOnly(`ERR Error running script (call to f_${SHA}): @user_script:21: @user_script: 21: -${text}`)).toBe(
      true,
    )
    expect(isReadOnly("OOM command not allowed when used memory > 'maxmemory'.")).toBe(false)
  })
})

describe('the command of a script that is missing or forbidden', () => {
  const lua = "\nlocal a = redis.call('HGET', KEYS[1], 'a')\nredis.call('UNLINK', KEYS[1])\nreturn a\n"

  it('is that of the line in the message, as each version writes it', () => {
    expect(commandOf("ERR The user executing the script can't run … script: db8d, on @user_script:2.", lua)).toBe(
      'HGET',
    )
    expect(commandOf('ERR Unknown command called from script script: on @user_script:3.', lua)).toBe('UNLINK')
    expect(commandOf(`ERR Error running script (call to f_${SHA}): @user_script:3: @user_script: 3: The`, lua)).toBe(
      'UNLINK',
    )
  })

  it('is not known without a line, or for a line without a command', () => {
    expect(commandOf('NOPERM', lua)).toBeUndefined()
    expect(commandOf('on @user_script:4.', lua)).toBeUndefined()
    expect(commandOf('on @user_script:40.', lua)).toBeUndefined()
  })
})
