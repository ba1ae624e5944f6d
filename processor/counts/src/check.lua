-- Asks, in one round trip, whether the log would refuse a reservation. It never grants: "log" means
-- that the log is to be asked.
--
-- KEYS  1 places of the zone  2 tickets of the buyer  3 requests in flight  4 the buyer's bucket
-- ARGV  1 places that must be free   2 tickets asked for
--       3 limit per buyer, 0 when there is none or it is not known
--       4 who asks                    5 its requests in flight for the zone, this one included
--       6 requests that may be in flight per free place   7 and on top of that
--       8 holds that end before this time in ms do not count
--       9 requests per minute, 0 for no limit             10 burst
--      11 age in ms at which another node's report of requests in flight is no longer counted
local function text(reply)
  if type(reply) == 'string' and #reply <= 128 then return reply end
  return nil
end

local time = redis.call('TIME')
local now_us = tonumber(time[1]) * 1000000 + tonumber(time[2])

-- Generic cell rate: the bucket holds the time in us at which it would be full again. A time that a
-- bucket of this size cannot have was not written by this program.
local per_minute = tonumber(ARGV[9])
if per_minute > 0 then
  local interval = 60000000 / per_minute
  local depth = interval * tonumber(ARGV[10])
  local full_at = tonumber(text(redis.pcall('GET', KEYS[4])) or '') or now_us
  if not (full_at >= now_us and full_at <= now_us + depth) then full_at = now_us end
  full_at = full_at + interval
  if full_at - now_us > depth then
    return {'rate', math.ceil((full_at - now_us - depth) / 1000)}
  end
  redis.pcall('SET', KEYS[4], string.format('%.0f', full_at), 'PX', math.ceil(depth / 1000) + 1)
end

local own = tonumber(ARGV[5])
local zone = text(redis.pcall('GET', KEYS[1]))
local version, available, total, users_from
if zone then
  version, available, total, users_from = string.match(zone, '^(%d+) (%d+) (%d+) (%d+) %x+$')
end
if not version then return {'log'} end
available = tonumber(available)

local limit = tonumber(ARGV[3])
if limit > 0 then
  local user = text(redis.pcall('GET', KEYS[2]))
  if user then
    local at, tickets, until_ms = string.match(user, '^(%d+) (%d+) (%d+) %x+$')
    -- Older than what the projector vouches for, or about holds that may have expired.
    if at and tonumber(at) >= tonumber(users_from) and tonumber(until_ms) > tonumber(ARGV[8])
        and tonumber(tickets) + tonumber(ARGV[2]) > limit then
      return {'limit', zone, user}
    end
  end
end

if available < tonumber(ARGV[1]) then return {'places', zone} end

-- Every node reports its own number, which replaces the one before and is valid for a moment only:
-- a node that dies leaves nothing behind.
local age_max_us = tonumber(ARGV[11]) * 1000
local others = redis.pcall('HGETALL', KEYS[3])
if type(others) ~= 'table' or others.err then
  redis.call('DEL', KEYS[3])
  others = {}
end
local in_flight = own
for i = 1, #others, 2 do
  local count, at_us = string.match(text(others[i + 1]) or '', '^(%d+) (%d+)$')
  local age_us = at_us and now_us - tonumber(at_us)
  if not age_us or age_us < 0 or age_us > age_max_us then
    redis.call('HDEL', KEYS[3], others[i])
  elseif others[i] ~= ARGV[4] then
    in_flight = in_flight + tonumber(count)
  end
end
redis.call('HSET', KEYS[3], ARGV[4], string.format('%d %.0f', own, now_us))
redis.call('PEXPIRE', KEYS[3], ARGV[11])
if in_flight > available * tonumber(ARGV[6]) + tonumber(ARGV[7]) then return {'busy', zone} end
return {'log'}
