-- Where a run stands, without its events' payloads.
--
-- KEYS: 1 the stream
-- Answers {the last id, the workflow's name, the last status or ''}, and nothing without a stream.

local function field(entry, name)
    local fields = entry[2]
    for i = 1, #fields, 2 do
        if fields[i] == name then
            return fields[i + 1]
        end
    end
    return ''
end

local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if not last then
    return {}
end
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
return { last[1], field(first, 'w'), field(last, 's') }
