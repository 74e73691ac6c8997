-- Lease tasks. KEYS: bands (most urgent first), later, tasks, attempts, dead, feed
-- ARGV: group, worker, limit, lease in ms, max attempts, number of bands
local group, worker, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local lease_ms, max_attempts, bands = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local later, tasks, attempts, dead, feed = KEYS[bands + 1], KEYS[bands + 2], KEYS[bands + 3], KEYS[bands + 4], KEYS[bands + 5]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6

for _, member in ipairs(redis.call('ZRANGEBYSCORE', later, '-inf', now, 'LIMIT', 0, 200)) do
  redis.call('ZREM', later, member)
  redis.call('XADD', KEYS[tonumber(string.sub(member, 1, 1)) + 1], '*', 'id', string.sub(member, 3))
end

local leases = {}
local function offer(band, entry)
  local id = entry[2][2]
  local json = redis.call('HGET', tasks, id)
  if not json or json == '' then -- resolved meanwhile
    redis.call('XACK', KEYS[band], group, entry[1])
    redis.call('XDEL', KEYS[band], entry[1])
    return
  end
  local tried = tonumber(redis.call('HGET', attempts, id) or '0')
  if tried >= max_attempts then
    redis.call('XACK', KEYS[band], group, entry[1])
    redis.call('XDEL', KEYS[band], entry[1])
    redis.call('HSET', dead, id, tried .. ' leases ran out')
    redis.call('XADD', feed, '*', 'type', 'dead', 'time', now, 'task', json, 'attempts', tried, 'reason', tried .. ' leases ran out')
    return
  end
  for _, name in ipairs(cjson.decode(json).excluded) do
    if name == worker then -- for somebody else: back to the end of the band
      redis.call('XACK', KEYS[band], group, entry[1])
      redis.call('XDEL', KEYS[band], entry[1])
      redis.call('XADD', KEYS[band], '*', 'id', id)
      return
    end
  end
  tried = redis.call('HINCRBY', attempts, id, 1)
  local pending = redis.call('XPENDING', KEYS[band], group, entry[1], entry[1], 1)
  leases[#leases + 1] = {json, band - 1, entry[1], pending[1][4], tried, tostring(now)}
end

for band = 1, bands do
  local cursor = '0-0' -- first what ran out
  repeat
    if #leases >= limit then break end
    local found = redis.call('XAUTOCLAIM', KEYS[band], group, worker, lease_ms, cursor, 'COUNT', limit - #leases)
    cursor = found[1]
    for _, entry in ipairs(found[2]) do offer(band, entry) end
  until cursor == '0-0'
  local rounds = 0 -- then what is new
  while #leases < limit and rounds < 20 do
    rounds = rounds + 1
    local read = redis.call('XREADGROUP', 'GROUP', group, worker, 'COUNT', limit - #leases, 'STREAMS', KEYS[band], '>')
    if not read then break end
    for _, entry in ipairs(read[1][2]) do offer(band, entry) end
  end
end
return leases
