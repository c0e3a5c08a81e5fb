-- Sets in which lists a run is.
--
-- KEYS: 1 all runs, 2 those that have not ended, 3 those to be looked at again
-- ARGV: 1 the run, 2 in the first 0|1, 3 in the second 0|1, 4 in how many ms to look again or '',
--       5 do nothing unless this is when it was to be looked at, or '' for anyway

local run = ARGV[1]
if ARGV[5] ~= '' and redis.call('ZSCORE', KEYS[3], run) ~= ARGV[5] then
    return 0
end

local function set(key, wanted, score)
    if wanted then
        redis.call('ZADD', key, score, run)
    else
        redis.call('ZREM', key, run)
    end
end

set(KEYS[1], ARGV[2] == '1', 0)
set(KEYS[2], ARGV[3] == '1', 0)
if ARGV[4] == '' then
    set(KEYS[3], false)
else
    local now = redis.call('TIME')
    set(KEYS[3], true, string.format('%d', now[1] * 1000 + math.floor(now[2] / 1000) + ARGV[4]))
end
return 1
