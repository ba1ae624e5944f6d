-- Takes ARGV[2] tickets of a zone for user ARGV[1], who may have ARGV[3] in all.
-- KEYS: tickets left of the zone; tickets by user of the show; holds of the show by their end.
-- ARGV[4]: the booking with all that a confirm or an expiry needs; ARGV[5]: end of the hold (ms).
local quantity = tonumber(ARGV[2])
if tonumber(redis.call('GET', KEYS[1]) or '0') < quantity then
  return 1
end
if tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0') + quantity > tonumber(ARGV[3]) then
  return 2
end
redis.call('DECRBY', KEYS[1], quantity)
redis.call('HINCRBY', KEYS[2], ARGV[1], quantity)
redis.call('ZADD', KEYS[3], ARGV[5], ARGV[4])
return 0
