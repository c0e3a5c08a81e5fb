-- Queues a run, once.
--
-- KEYS: 14 where its idempotency key is remembered, if it has one
-- ARGV: 3 the run, 4 the workflow, 5 the priority, 6 now | after | at, 7 ms, 8 the most that may wait, 9 how long the
--       idempotency key is remembered in ms, 10 whether there is a first event, 11 the first event, 12.. limits in the order
--       of their gates: name, key, max
-- Answers {FRESH}, {KNOWN, the run}, or {FULL, how many wait}.

local run = ARGV[3]
local known = KEYS[14] and redis.call('GET', KEYS[14])
if known then
    return { 'KNOWN', known }
end
local there = redis.call('HGET', RUNS, run)
if there then
    return decode(there) and { 'KNOWN', run } or { 'FOREIGN', RUNS, 'a record' }
end
local waiting = redis.call('HLEN', RUNS) - parked - leased - redis.call('ZCARD', DEAD)
if waiting >= tonumber(ARGV[8]) then
    return { 'FULL', waiting }
end

local r = { workflow = ARGV[4], priority = tonumber(ARGV[5]), claims = 0, wakes = 0, urgent = 0, bound = '',
    on_message = '0', since = now, limits = {} }
for i = 12, #ARGV, 3 do
    r.limits[#r.limits + 1] = { id = ARGV[i] .. '\n' .. ARGV[i + 1], max = tonumber(ARGV[i + 2]) }
end
records[run] = r
local due = later(ARGV[6], ARGV[7])
arrive(run, r, due and 'D' or 'R', due)
if ARGV[10] == '1' then
    redis.call('HSET', FIRST, run, ARGV[11])
end
if KEYS[14] and ARGV[9] ~= '0' then
    redis.call('SET', KEYS[14], run, 'PX', ARGV[9])
end
finish()
return { 'FRESH' }
