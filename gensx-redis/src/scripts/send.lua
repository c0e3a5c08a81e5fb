-- Puts a message into a run's inbox, once.
--
-- KEYS: 1 the stream, 2 the inbox
-- ARGV: 1 what makes a repetition recognisable, 2 the message, 3 the most messages, 4 the channel, 5 the run
-- Answers the message's number, or GONE, ENDED, FULL.

local stream, inbox, sender = KEYS[1], KEYS[2], 'i' .. ARGV[1]
local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
if not last then
    return 'GONE'
end
local number = redis.call('HGET', inbox, sender)
if not number then
    local fields = last[2]
    for i = 1, #fields, 2 do
        if fields[i] == 's' then
            return 'ENDED'
        end
    end
    number = tonumber(redis.call('HGET', inbox, 'n') or 0) + 1
    if number > tonumber(ARGV[3]) then
        return 'FULL'
    end
    redis.call('HSET', inbox, 'n', number, 'm' .. number, ARGV[2], sender, number)
end
-- Told again when it was sent again: the first time may not have been heard.
redis.pcall('PUBLISH', ARGV[4], ARGV[5])
return tonumber(number)
