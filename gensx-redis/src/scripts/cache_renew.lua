-- Prolongs a leader's lock, unless it is lost.
--
-- KEYS: 1 the lock
-- ARGV: 1 the leader's token, 2 the lease in ms
-- Answers 1, or 0 when the lock is lost.

local holder = redis.call('GET', KEYS[1])
if not holder or string.sub(holder, 1, #ARGV[1]) ~= ARGV[1] then
    return 0
end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
