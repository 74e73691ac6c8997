-- Lease tasks. KEYS: bands (most urgent first), later, tasks, attempts, dead, feed, since
-- ARGV: group, worker, limit, lease in ms, max attempts, number of bands, seconds that double a task's weight
local group, worker, limit = ARGV[1], ARGV[2], tonumber(ARGV[3])
local lease_ms, max_attempts, bands = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local doubling = tonumber(ARGV[7])
local later, tasks, attempts, dead, feed = KEYS[bands + 1], KEYS[bands + 2], KEYS[bands + 3], KEYS[bands + 4], KEYS[bands + 5]
local since = KEYS[bands + 6]
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

-- Two lines a band, each in order of arrival: what ran out, and what is new. Whose first entry ranks highest is next.
local lines = {}
for band = 1, bands do
  lines[#lines + 1] = {band = band, ran_out = true, at = 1, rounds = 0, entries = {}}
  lines[#lines + 1] = {band = band, ran_out = false, at = 1, rounds = 0, entries = {}}
end

local function fill(line)
  line.at, line.rounds, line.entries = 1, line.rounds + 1, {}
  local key = KEYS[line.band]
  if line.ran_out then
    for _, pending in ipairs(redis.call('XPENDING', key, group, 'IDLE', lease_ms, '-', '+', limit)) do
      local entry = redis.call('XRANGE', key, pending[1], pending[1])[1]
      if entry then line.entries[#line.entries + 1] = entry else redis.call('XACK', key, group, pending[1]) end
    end
    return
  end
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', key)) do
    local found = {}
    for k = 1, #info, 2 do found[info[k]] = info[k + 1] end
    if found['name'] == group then
      line.entries = redis.call('XRANGE', key, '(' .. found['last-delivered-id'], '+', 'COUNT', limit)
    end
  end
end

local function look(line) -- the rank of the line's first entry; see mmu/moderation/priority.py
  if line.rank ~= nil then return end
  if not line.entries[line.at] and line.rounds < (line.ran_out and 1 or 20) then fill(line) end
  local entry = line.entries[line.at]
  if not entry then
    line.rank = false
    return
  end
  local id = entry[2][2]
  local json = redis.call('HGET', tasks, id)
  local value = json and json ~= '' and cjson.decode(json).priority or 0
  local queued = tonumber(redis.call('HGET', since, id) or string.match(entry[1], '^%d+') / 1000)
  line.rank = math.log(math.max(value, 1e-3)) / math.log(2) - queued / doubling
end

while #leases < limit do
  local best
  for _, line in ipairs(lines) do
    look(line)
    if line.rank and (not best or line.rank > best.rank) then best = line end
  end
  if not best then break end
  local key, entry = KEYS[best.band], best.entries[best.at]
  if best.ran_out then
    entry = redis.call('XCLAIM', key, group, worker, lease_ms, entry[1])[1]
  else
    entry = redis.call('XREADGROUP', 'GROUP', group, worker, 'COUNT', 1, 'STREAMS', key, '>')[1][2][1]
  end
  if entry then offer(best.band, entry) end
  best.at, best.rank = best.at + 1, nil
end
return leases
