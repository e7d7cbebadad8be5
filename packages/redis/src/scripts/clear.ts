import { type Script, script } from './script.js'

export const clearScript: Script = script(String.raw`
-- Deletes all rows and the position, if the store is as its owner left it. Idempotent. It takes constant time: the server
-- frees the rows in the background.
-- KEYS[1]  the store
-- ARGV[1]  the owner (mark.ts)
-- ARGV[2]  the number of the last acknowledged chunk, 16 digits: the store must have it
-- ARGV[3]  the number of this change, 16 digits
-- Returns  { 'applied', the mark, '0' }
--          { 'lost', the mark or nil }  the store is not as its owner left it; nothing was changed
local mark = redis.call('HGET', KEYS[1], '\0m')
if not mark or string.sub(mark, 17) ~= ARGV[1] then
  return { 'lost', mark }
end
local chunk = string.sub(mark, 1, 16)
if chunk < ARGV[2] then
  return { 'lost', mark }
end
if chunk >= ARGV[3] then
  return { 'applied', mark, '0' }
end
mark = ARGV[3] .. ARGV[1]
local changelogs = redis.call('HGET', KEYS[1], '\0c')
redis.call('UNLINK', KEYS[1])
redis.call('HSET', KEYS[1], '\0b', '0', '\0m', mark)
if changelogs then
  redis.call('HSET', KEYS[1], '\0c', changelogs)
end
return { 'applied', mark, '0' }
`)
