/**
 * What an error reply means:
 * - `passes`: by itself, or once an operator has helped the server. The command is retried.
 * - `another-server`: this server does not accept writes. The command is retried, on another connection if possible.
 * - `final`: the same command fails until a person has changed something.
 */
export type ReplyKind = 'passes' | 'another-server' | 'final'

/** What an error reply means, and what to do about it. */
export interface ReplyMeaning {
  readonly kind: ReplyKind
  readonly advice?: string
}

const RIGHTS = 'grant the user the keys and commands that docs/stores/redis.md lists'
const COMMANDS =
  'the server does not have this command, or hides it: docs/stores/redis.md lists the commands that are needed'
/** What to do if a client for a single server meets a node of a cluster. */
export const CLUSTER_ADVICE =
  'the server is a node of a Redis Cluster: pass a client for it, redisStores({ client: new Cluster([…]) }) of ioredis'

/** The first pattern that matches decides. Patterns without a code at the beginning also match replies that scripts have wrapped. */
const MEANINGS: readonly (readonly [pattern: RegExp, kind: ReplyKind, advice?: string])[] = [
  [/^NOAUTH\b/, 'final', 'add the password to the url or to the client'],
  [/^(WRONGPASS\b|ERR invalid (username-)?password)/, 'final', 'correct the user and the password'],
  [/^NOPERM\b|^ERR ACL failure in script|The user executing the script can't/, 'final', RIGHTS],
  [/^DENIED\b/, 'final', 'allow connections from this machine'],
  [/^ERR unknown (sub)?command|Unknown (\w+ )?command called from/i, 'final', COMMANDS],
  [/command is not allowed from script/, 'final', COMMANDS],
  [/^WRONGTYPE\b/, 'final', 'another program uses the key of this store: use another namespace'],
  [/^CROSSSLOT\b/, 'final', 'pass a client for a cluster, without a proxy that splits keys differently'],
  [
    /DB index is out of range|invalid DB index/,
    'final',
    'the server does not have this database: correct the number, or use database 0 with its own namespace',
  ],
  [/SELECT is not allowed in cluster mode/, 'final', 'a Redis Cluster has database 0 only: use a namespace instead'],
  [/cluster support disabled/, 'final', 'the server is not in a cluster: pass new Redis(…) of ioredis, or a url'],
  [/^ERR (Protocol error|wrong number of arguments|syntax error|Error compiling script)/, 'final'],
  [/^(READONLY|REDIRECT)\b/, 'another-server'],
  [/^ERR max number of clients reached/, 'passes', 'close other connections, or raise maxclients of the server'],
  [/^OOM\b/, 'passes', 'writes continue once the server has memory: raise its maxmemory, or delete keys'],
  [/^MISCONF\b/, 'passes', "writes continue once the server can save its data: the server's log has the reason"],
  [/^NOREPLICAS\b/, 'passes', 'writes continue once enough replicas are connected (min-replicas-to-write)'],
  [/^(BUSY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED|UNKILLABLE)\b/, 'passes'],
]

/** Redis before version 7 wraps an error inside a script. The error itself follows the positions, sometimes after a minus. */
const WRAPPED = /^ERR Error running script \(call to \w+\): (?:@?user_script: ?\d+: )*-?/

/**
 * Judges an error reply. An unknown one is retried: it may pass, and meanwhile events and `health()` show it, while an application
 * that has ended needs a person.
 */
export function meaningOf(message: string, isCluster: boolean): ReplyMeaning {
  const reply = message.replace(WRAPPED, '')
  // a client for a cluster follows these by itself
  if (/^(MOVED|ASK)\b/.test(reply)) return isCluster ? { kind: 'passes' } : { kind: 'final', advice: CLUSTER_ADVICE }
  const found = MEANINGS.find(([pattern]) => pattern.test(reply))
  if (found === undefined) return { kind: 'passes' }
  const [, kind, advice] = found
  return advice === undefined ? { kind } : { kind, advice }
}

/** Whether the server has become a replica, or was one from the beginning. */
export function isReadOnly(message: string): boolean {
  return meaningOf(message, false).kind === 'another-server'
}

/**
 * Most servers do not say which command of a script is missing or forbidden, but the line.
 *
 * @returns the command on that line of the script
 */
export function commandOf(message: string, lua: string): string | undefined {
  const line = /user_script: ?(\d+)/.exec(message)?.[1]
  return line === undefined ? undefined : /redis\.call\('(\w+)'/.exec(lua.split('\n')[Number(line) - 1] ?? '')?.[1]
}
