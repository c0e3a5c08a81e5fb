-- Sets in which lists a run is.
--
-- KEYS: 1 all runs, 2 those that have not ended, 3 those to be looked at again, 4 those of its workflow
-- ARGV: 1 the run, 2 what names it in the third, 3 begins | anew | runs | ends | waits | gone | doubted, 4 the number of its status,
--       5 in how many ms to look again, or '' for never, 6 or in so many as it is old, up to this,
--       7 do nothing unless this is when it was to be looked at, or '' for anyway
-- A run's score in all but the third is when it began, in ms, times 4, and the number of its status.
-- A run is `doubted` that has no stream: it is gone, unless it began another time than 6, or less than 5 ago, or is listed
-- anew.
-- Answers 1 if something was set, and 0 if not: `begins` leaves a run as it is that is listed already.

local run, name, what = ARGV[1], ARGV[2], ARGV[3]
if ARGV[7] ~= '' and redis.call('ZSCORE', KEYS[3], name) ~= ARGV[7] then
    return 0
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local score = redis.call('ZSCORE', KEYS[1], run)
local listed = score and math.floor(score / 4)
if what == 'doubted' and (not listed or listed == tonumber(ARGV[6]) and now - listed >= tonumber(ARGV[5])) then
    what = 'gone'
end
if what == 'gone' then
    for i = 1, 4 do
        redis.call('ZREM', KEYS[i], i == 3 and name or run)
    end
    return 1
end
if what == 'doubted' or (what == 'begins' and score) then
    return 0
end
local began = what ~= 'anew' and listed or now

if what ~= 'waits' then
    score = string.format('%d', began * 4 + ARGV[4])
    redis.call('ZADD', KEYS[1], score, run)
    redis.call('ZADD', KEYS[4], score, run)
    if ARGV[4] == '0' then
        redis.call('ZADD', KEYS[2], score, run)
    else
        redis.call('ZREM', KEYS[2], run)
    end
end
if ARGV[5] == '' then
    redis.call('ZREM', KEYS[3], name)
else
    local wait = math.min(math.max(now - began, ARGV[5]), math.max(ARGV[5], ARGV[6]))
    redis.call('ZADD', KEYS[3], string.format('%d', now + wait), name)
end
return 1
