-- What every script of a queue begins with.
--
-- KEYS: 1 records, 2 first events, 3 lanes, 4 lines, 5 limits, 6 agenda, 7 ready, 8 dead, 9 served, 10 counts, 11 fleet,
--       12 workers, 13 deployments
-- ARGV: 1 PUBLISH | SPUBLISH, 2 the doorbell's channel; the script's own follow
--
-- Parts of a member are joined with line feeds: no name has one, and they sort before all that names have.

local RUNS, FIRST, LANES, LINES, LIMITS, AGENDA, READY, DEAD, SERVED, COUNTS, FLEET, WORKERS, DEPLOYMENTS = unpack(KEYS)
-- `MAX_DUE_PER_CALL` and `MAX_DEPLOYMENTS` of the trait: no loop has more rounds.
local MAX_DUE, MAX_DEPLOYMENTS = 64, 64

-- First, since a script that fails in the middle would leave a run in no list.
local TYPES = 'hash hash zset zset hash zset zset zset zset hash hash zset zset'
local key = 0
for wanted in string.gmatch(TYPES, '%a+') do
    key = key + 1
    local found = redis.call('TYPE', KEYS[key]).ok
    if found ~= wanted and found ~= 'none' then
        return { 'FOREIGN', KEYS[key], found }
    end
end

local time = redis.call('TIME')
local now_us = time[1] * 1000000 + time[2]
local now = math.floor(now_us / 1000)
-- What lasts for some time begins at the next millisecond, so that nothing is over too early.
local now_up = math.ceil(now_us / 1000)

-- Numbers are written out: as text of Lua's own they would lose digits.
local function int(number)
    return string.format('%d', number)
end

local counts = redis.call('HMGET', COUNTS, 'tick', 'cursor', 'parked', 'leased')
local last_tick, cursor = tonumber(counts[1] or 0), tonumber(counts[2] or 0)
local parked, leased = tonumber(counts[3] or 0), tonumber(counts[4] or 0)

-- Numbers leases and places. Never less than the microseconds since 1970, so that none is given twice after a failover
-- that lost the latest ones.
local function tick()
    last_tick = math.max(last_tick + 1, now_us)
    return last_tick
end

-- When it is due, in ms since 1970; nil for now.
local function later(kind, ms)
    local due = kind == 'after' and now_up + ms or kind == 'at' and tonumber(ms)
    return due and due > now and due or nil
end
