-- Writes counts, each with its version in front, unless there is a newer one.
--
-- KEYS  the keys ARGV  1 ms to keep them  2 highest version that can be true: higher ones are
-- overwritten then for each key its version and its value
local kept = 0
for i, key in ipairs(KEYS) do
  local version = tonumber(ARGV[2 * i + 1])
  local known = redis.pcall('GET', key)
  local at = type(known) == 'string' and #known <= 128 and tonumber(string.match(known, '^(%d+) '))
  if at and at > version and at <= tonumber(ARGV[2]) then
    kept = kept + 1
  else
    redis.call('SET', key, ARGV[2 * i + 2], 'PX', ARGV[1])
  end
end
return kept
