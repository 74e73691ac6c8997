-- End a lease, if it is still held. KEYS: band, tasks, attempts, dead, feed, later, done, since
-- ARGV: group, entry, worker, deliveries, lease in ms, task id, action, payload, delay or max attempts, band number
local group, entry, worker, deliveries = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local id, action = ARGV[6], ARGV[7]
local clock = redis.call('TIME')
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local pending = redis.call('XPENDING', KEYS[1], group, entry, entry, 1)[1]
if not pending or pending[2] ~= worker or pending[4] ~= deliveries or pending[3] > tonumber(ARGV[5]) then
  return 0
end
if action == 'extend' then
  redis.call('XCLAIM', KEYS[1], group, worker, 0, entry, 'JUSTID')
  return 1
end
redis.call('XACK', KEYS[1], group, entry)
redis.call('XDEL', KEYS[1], entry)
local json = redis.call('HGET', KEYS[2], id)
local tried = tonumber(redis.call('HGET', KEYS[3], id) or '0')
if action == 'ack' then
  redis.call('HSET', KEYS[2], id, '') -- the id stays known, the feed keeps the task
  redis.call('HDEL', KEYS[3], id)
  redis.call('HDEL', KEYS[8], id)
  redis.call('INCR', KEYS[7])
  redis.call('XADD', KEYS[5], '*', 'type', 'decided', 'time', now, 'task', json, 'attempts', tried, 'resolution', ARGV[8])
  return 1
end
if action == 'failed' and tried >= tonumber(ARGV[9]) then
  redis.call('HSET', KEYS[4], id, ARGV[8])
  redis.call('XADD', KEYS[5], '*', 'type', 'dead', 'time', now, 'task', json, 'attempts', tried, 'reason', ARGV[8])
  return 1
end
if action == 'untouched' then redis.call('HINCRBY', KEYS[3], id, -1) end
redis.call('ZADD', KEYS[6], now + tonumber(ARGV[11]), ARGV[10] .. ':' .. id)
return 1
