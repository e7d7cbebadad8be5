import { type Script, script } from './script.js'

export const openScript: Script = script(String.raw`
-- Makes the caller the owner of a store, unless it has a later owner. Idempotent.
-- KEYS[1]  the store
-- ARGV[1]  the owner: token (16 digits), nonce (12 characters), changelog (mark.ts)
-- Returns  { 'opened', the position or nil, the bytes of all rows }
--          { 'fenced', the mark of the later owner }
local mark = redis.call('HGET', KEYS[1], '\0m')
local owner = mark and string.sub(mark, 17)
if owner and string.sub(owner, 29) == string.sub(ARGV[1], 29) and string.sub(owner, 1, 16) > string.sub(ARGV[1], 1, 16) then
  return { 'fenced', mark }
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
