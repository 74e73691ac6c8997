-- Put a dead task back. KEYS: band, tasks, attempts, dead, feed; ARGV: task id, time
local json = redis.call('HGET', KEYS[2], ARGV[1])
if not json or json == '' or redis.call('HDEL', KEYS[4], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[3], ARGV[1])
redis.call('XADD', KEYS[1], '*', 'id', ARGV[1])
redis.call('XADD', KEYS[5], '*', 'type', 'revived', 'time', ARGV[2], 'task', json, 'attempts', 0)
return 1
