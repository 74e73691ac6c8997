-- Add tasks that are not known. KEYS: bands, tasks, feed, since; ARGV: time, number of bands, then (id, json, band)…
local bands, new = tonumber(ARGV[2]), 0
for k = 3, #ARGV, 3 do
  if redis.call('HSETNX', KEYS[bands + 1], ARGV[k], ARGV[k + 1]) == 1 then
    redis.call('HSET', KEYS[bands + 3], ARGV[k], ARGV[1])
    redis.call('XADD', KEYS[tonumber(ARGV[k + 2]) + 1], '*', 'id', ARGV[k])
    redis.call('XADD', KEYS[bands + 2], '*', 'type', 'queued', 'time', ARGV[1], 'task', ARGV[k + 1], 'attempts', 0)
    new = new + 1
  end
end
return new
