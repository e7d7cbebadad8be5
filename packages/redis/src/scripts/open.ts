import { type Script, script } from './script.js'

/** How many changelogs a store remembers. */
export const MAX_CHANGELOGS = 16

export const openScript: Script = script(String.raw`
-- Makes the caller the owner of a store, unless it has a later owner. Idempotent. An owner with another changelog is replaced,
-- because a changelog that was deleted and created again has another id. But the id that was deleted never comes back: if one that
-- the store remembers does, both changelogs are in use, and the store remains with the one that was here first.
-- KEYS[1]  the store
-- ARGV[1]  the owner: token (16 digits), nonce (12 characters), changelog (mark.ts)
-- ARGV[2]  the database: the connection may have failed to select it
-- Returns  { 'opened', the position or nil, the bytes of all rows }
--          { 'fenced', the mark of the later owner }
--          { 'taken', the mark of the owner with a changelog that was here before the caller's }
if ARGV[2] ~= '0' then
  redis.call('SELECT', ARGV[2])
end
local mark = redis.call('HGET', KEYS[1], '\0m')
local owner = mark and string.sub(mark, 17)
local changelog = string.sub(ARGV[1], 29)
local theirs = owner and string.sub(owner, 29)
if theirs == changelog then
  if string.sub(owner, 1, 16) > string.sub(ARGV[1], 1, 16) then
    return { 'fenced', mark }
  end
elseif owner then
  -- all changelogs that have had the store, if there was more than one; the first was here first
  local all = redis.call('HGET', KEYS[1], '\0c')
  all = all and cjson.decode(all) or { theirs }
  local at = {}
  for i, each in ipairs(all) do
    at[each] = i
  end
  if at[changelog] and at[theirs] and at[changelog] > at[theirs] then
    return { 'taken', mark }
  end
  if not at[changelog] then
    if #all >= ${MAX_CHANGELOGS} then
      table.remove(all, all[1] == theirs and 2 or 1)
    end
    table.insert(all, changelog)
    redis.call('HSET', KEYS[1], '\0c', cjson.encode(all))
  end
end
if owner ~= ARGV[1] then
  redis.call('HSET', KEYS[1], '\0m', '0000000000000000' .. ARGV[1])
end
local bytes = redis.call('HGET', KEYS[1], '\0b')
if not bytes then
  -- new, or written by a version that did not count: without a position, it is rebuilt
  redis.call('HDEL', KEYS[1], '\0p')
end
return { 'opened', redis.call('HGET', KEYS[1], '\0p'), bytes or '0' }
`)
