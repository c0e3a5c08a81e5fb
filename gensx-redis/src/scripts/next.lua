-- Adds an owner's next events if they directly follow its own last ones, which is almost always so: `append.lua` in short.
--
-- KEYS: 1 the stream
-- ARGV: 1 the id of the owner's last event, 2 the batch's token, 3 the channel, 4.. the events: id, payload, id, payload ..
-- Answers OK, or ASK: `append.lua` is to say what it is.

local stream, token = KEYS[1], ARGV[2]
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
if not last or last[1] ~= ARGV[1] then
    return 'ASK'
end
-- The last entry of a batch names its owner, as `t` or as `o`, and after it the stream's end.
local fields, owner = last[2], string.sub(token, 1, 8)
local name, value = fields[3], fields[4]
if fields[5] == 'o' then
    name, value = fields[5], fields[6]
end
local by = (name == 't' and string.sub(value, 1, 8)) or (name == 'o' and value)
if by ~= owner or fields[#fields - 1] == 's' then
    return 'ASK'
end
local count = #ARGV
for i = 4, count, 2 do
    if i == 4 then
        redis.call('XADD', stream, ARGV[i], 'e', ARGV[i + 1], 't', token)
    elseif i + 1 == count then
        redis.call('XADD', stream, ARGV[i], 'e', ARGV[i + 1], 'o', owner)
    else
        redis.call('XADD', stream, ARGV[i], 'e', ARGV[i + 1])
    end
end
redis.pcall('PUBLISH', ARGV[3], ARGV[count - 1])
return 'OK'
