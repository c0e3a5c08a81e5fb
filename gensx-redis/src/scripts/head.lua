-- Where a run stands, without its events' payloads.
--
-- KEYS: 1 the stream
-- Answers {the last id, the workflow's name, the last status, when it ended, the deployment of the last claim, the run that it
-- retries}, each '' where there is none, and nothing without a stream.

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
-- Each owner but the first begins with its claim.
local epoch = string.match(last[1], '^%d+')
local claim = redis.call('XRANGE', KEYS[1], epoch .. '-0', '+', 'COUNT', 1)[1]
return { last[1], field(first, 'w'), field(last, 's'), field(last, 'z'), field(claim, 'd'), field(first, 'r') }
