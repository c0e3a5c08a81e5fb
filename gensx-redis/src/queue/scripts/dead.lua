-- A page of the dead runs.
--
-- KEYS: 1 records, 2 dead
-- ARGV: 1 from which on, as ZRANGEBYLEX wants it, 2 the most
-- Answers the names, and then as many records.

local answer = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], '+', 'LIMIT', 0, ARGV[2])
local found = #answer
if found > 0 then
    for i, record in ipairs(redis.call('HMGET', KEYS[1], unpack(answer))) do
        answer[found + i] = record
    end
end
return answer
