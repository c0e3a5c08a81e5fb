-- Removes a run's stream and inbox, and tells those who wait.
--
-- KEYS: 1 the stream, 2 the inbox
-- ARGV: 1 PUBLISH | SPUBLISH, 2 the channel
-- Answers the name of the run's workflow, or '' if that cannot be told.

local workflow = ''
-- What is there may be something else. It is removed all the same.
local first = redis.pcall('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local fields = first and first[2] or {}
for i = 1, #fields, 2 do
    if fields[i] == 'w' then
        workflow = fields[i + 1]
    end
end
redis.call('UNLINK', KEYS[1], KEYS[2])
redis.pcall(ARGV[1], ARGV[2], 'gone')
return workflow
