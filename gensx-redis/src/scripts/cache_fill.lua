-- Keeps what a leader has computed, unless it leads no more, and lets go of the lock.
--
-- KEYS: 1 the output, 2 the lock
-- ARGV: 1 the leader's token, 2 the output, 3 how long it is kept in ms, 4 the channel, 5 the key's name there
-- Answers 1, or 0 when the lock is lost.

local holder = redis.call('GET', KEYS[2])
if not holder or string.sub(holder, 1, #ARGV[1]) ~= ARGV[1] then
    return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
redis.call('UNLINK', KEYS[2])
if holder ~= ARGV[1] then
    redis.pcall('PUBLISH', ARGV[4], ARGV[5])
end
return 1
