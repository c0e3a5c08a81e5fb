-- Finds the epoch of the event at a position, for readers who know only the position.
--
-- KEYS: 1 the stream
-- ARGV: 1 the position
-- Answers {the last id} when the position is at or past the end, {the last id, the id there} when it is held, and
-- nothing without a stream. Epochs grow with positions, so the search halves: 32 steps at most.

local stream, position = KEYS[1], tonumber(ARGV[1])

local function parts(id)
    local epoch, seq = string.match(id, '^(%d+)%-(%d+)$')
    return tonumber(epoch), tonumber(seq)
end

local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
if not last then
    return {}
end
local high, last_seq = parts(last[1])
if position > last_seq or high > 4294967295 then
    return { last[1] }
end
-- The highest epoch whose first event is at or before the position.
local low = 1
while low < high do
    local middle = math.floor((low + high + 1) / 2)
    local first = redis.call('XRANGE', stream, string.format('%d-0', middle), '+', 'COUNT', 1)[1]
    local _, seq = parts(first[1])
    if seq <= position then
        low = middle
    else
        high = middle - 1
    end
end
return { last[1], string.format('%d-%d', low, position) }
