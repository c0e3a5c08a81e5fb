-- Adds a batch to a run's stream: all of it or nothing, and only what directly follows.
--
-- KEYS: 1 the stream; with the last batch also 2 the inbox, 3 a name for the copy of a stream that ended
-- ARGV: 1 epoch, 2 position of the first event, 3 the batch's token, 4 open | claim | next, 5 the workflow that opens or the
--       deployment that claims, 6 the last status or '', 7 how long to keep an ended run in ms or 0, 8 the most events of a
--       stream to compact, 9 PUBLISH | SPUBLISH, 10 the channel, 11 how long to keep this run, for `open`, or '', 12 the run
--       that it retries, or '', 13.. payloads
-- Answers OK, or after the last batch {OK, how long the run is kept or 0, its workflow}; or DUP, ENDED, FENCED, LOST, or FOREIGN when the stream holds what gensx did not write.

local stream, token, kind, status = KEYS[1], ARGV[3], ARGV[4], ARGV[6]
local owner = string.sub(token, 1, 8)
local epoch, seq = tonumber(ARGV[1]), tonumber(ARGV[2])
local PAYLOADS = 13

-- `next.lua` does the same for what almost always comes: keep the fields of entries alike.
local function id(position)
    return string.format('%d-%d', epoch, position)
end

local function field(entry, name)
    local fields = entry[2]
    for i = 1, #fields, 2 do
        if fields[i] == name then
            return fields[i + 1]
        end
    end
end

-- A batch names its owner in its first entry and in its last.
local function owner_of(entry)
    local its_token = field(entry, 't')
    return its_token and string.sub(its_token, 1, 8) or field(entry, 'o')
end

-- Readers may not know of it yet: they look for themselves.
local function lost()
    redis.pcall(ARGV[9], ARGV[10], 'gone')
    return 'LOST'
end

local last = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1)[1]
if last then
    local last_epoch, last_seq = string.match(last[1], '^(%d+)%-(%d+)$')
    last_epoch, last_seq = tonumber(last_epoch), tonumber(last_seq)
    if last_epoch > 4294967295 or last_seq > 9007199254740991 or not owner_of(last) then
        return 'FOREIGN'
    end
    local taken = seq <= last_seq
    if taken then
        local there = redis.call('XRANGE', stream, id(seq), id(seq))[1]
        if there and field(there, 't') == token then
            return 'DUP'
        end
    end
    if field(last, 's') then
        return 'ENDED'
    end
    if kind == 'open' or epoch < last_epoch or (kind == 'claim' and epoch == last_epoch) then
        return 'FENCED'
    end
    if kind == 'next' and epoch > last_epoch then
        return lost()
    end
    -- The store lost the claim of this owner, and another one has taken the epoch since.
    if kind == 'next' and owner_of(last) ~= owner then
        return 'FENCED'
    end
    if seq ~= last_seq + 1 then
        return taken and 'FENCED' or lost()
    end
elseif kind ~= 'open' or seq ~= 1 then
    return lost()
end

for i = PAYLOADS, #ARGV do
    local entry = { 'e', ARGV[i] }
    if i == PAYLOADS then
        entry[3], entry[4] = 't', token
        if kind == 'open' then
            entry[5], entry[6] = 'w', ARGV[5]
            for name, value in pairs({ k = ARGV[11], r = ARGV[12] }) do
                if value ~= '' then
                    entry[#entry + 1], entry[#entry + 2] = name, value
                end
            end
        elseif kind == 'claim' and ARGV[5] ~= '' then
            entry[5], entry[6] = 'd', ARGV[5]
        end
    end
    if i == #ARGV and i > PAYLOADS then
        entry[#entry + 1], entry[#entry + 2] = 'o', owner
    end
    if i == #ARGV and status ~= '' then
        local time = redis.call('TIME')
        local now = string.format('%d', time[1] * 1000 + math.floor(time[2] / 1000))
        entry[#entry + 1], entry[#entry + 2] = 'z', now
        entry[#entry + 1], entry[#entry + 2] = 's', status
    end
    redis.call('XADD', stream, id(seq + i - PAYLOADS), unpack(entry))
end

-- From here on the batch is in, and nothing may turn that into an error: what fails below is room that is not given
-- back, or a doorbell that is not heard.
local answer = 'OK'
if status ~= '' then
    local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    local keep = field(first, 'k') or ARGV[7]
    answer = { 'OK', keep, field(first, 'w') or '' }
    -- A stream keeps room for what may follow, 4 KiB of it. A copy has just what it holds, and the last id with it.
    if redis.call('XLEN', stream) <= tonumber(ARGV[8]) then
        if redis.pcall('COPY', stream, KEYS[3], 'REPLACE') == 1 then
            redis.pcall('RENAME', KEYS[3], stream)
        end
    end
    if keep ~= '0' then
        redis.pcall('PEXPIRE', stream, keep)
        redis.pcall('PEXPIRE', KEYS[2], keep)
    end
end
redis.pcall(ARGV[9], ARGV[10], id(seq + #ARGV - PAYLOADS))
return answer
