-- Gives what is kept, or who computes it. One step, so that nobody computes what was kept in between.
--
-- KEYS: 1 the output, 2 the lock
-- ARGV: 1 the token of the one who asks, 2 the lease in ms
-- Answers HIT and the output, LEAD, or FOLLOW.

local output = redis.call('GET', KEYS[1])
if output then
    return { 'HIT', output }
end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then
    return { 'LEAD' }
end
local holder = redis.call('GET', KEYS[2])
-- The same request again, since its answer was lost.
if string.sub(holder, 1, #ARGV[1]) == ARGV[1] then
    return { 'LEAD' }
end
-- With this mark the leader rings: where nobody follows, nobody is told.
if string.sub(holder, -1) ~= '+' then
    redis.call('SET', KEYS[2], holder .. '+', 'KEEPTTL')
end
return { 'FOLLOW' }
