-- Lets go of the lock without an output, unless it is lost.
--
-- KEYS: 1 the lock
-- ARGV: 1 the leader's token, 2 the channel, 3 the key's name there
-- Answers 1, or 0 when the lock is lost.

local holder = redis.call('GET', KEYS[1])
if not holder or string.sub(holder, 1, #ARGV[1]) ~= ARGV[1] then
    return 0
end
redis.call('UNLINK', KEYS[1])
if holder ~= ARGV[1] then
    redis.pcall('PUBLISH', ARGV[2], ARGV[3])
end
return 1
