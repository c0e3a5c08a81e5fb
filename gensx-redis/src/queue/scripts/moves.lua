-- From one place to another: R ready or held, D delayed, P parked, L leased, X dead. Whoever moves a run has it depart,
-- changes its record, and has it arrive.

local forgot = false
-- Whether something waits for a time that is earlier than all others were.
local sooner = false

local function depart(run, r)
    redis.call('ZREM', AGENDA, run)
    if r.place == 'R' then
        unseat(run, r)
    elseif r.place == 'L' then
        leased = leased - 1
        give_room(r)
    elseif r.place == 'P' then
        parked = parked - 1
    elseif r.place == 'X' then
        redis.call('ZREM', DEAD, run)
    end
    if r.place ~= 'X' then
        add_to(r.bound, RUNS_OF, -1)
    end
end

local function arrive(run, r, place, due)
    r.place, r.order, r.worker, r.number, r.gate, r.spot = place, tick(), '', '', 0, 0
    changed[run] = true
    if due then
        local first = tonumber(redis.call('ZRANGE', AGENDA, 0, 0, 'WITHSCORES')[2])
        sooner = sooner or not first or due < first
        redis.call('ZADD', AGENDA, int(due), run)
    end
    if place ~= 'X' then
        add_to(r.bound, RUNS_OF, 1)
    end
    if place == 'R' then
        r.since = now
        seat(run, r)
    elseif place == 'P' then
        parked = parked + 1
    elseif place == 'X' then
        r.since = now
        redis.call('ZADD', DEAD, 0, run)
    end
end

-- Of a run that has departed.
local function forget(run)
    redis.call('HDEL', RUNS, run)
    redis.call('HDEL', FIRST, run)
    records[run], changed[run], forgot = false, nil, true
end

-- Writes what is left to be written, and rings if a claim may give more than before, or something is due earlier.
local function finish()
    for run in pairs(changed) do
        redis.call('HSET', RUNS, run, encode(records[run]))
    end
    local rings = save_fleet() or next(seated) ~= nil or sooner
    if rings then
        cursor = tick()
    end
    redis.call('HSET', COUNTS, 'tick', int(last_tick), 'cursor', int(cursor), 'parked', int(parked), 'leased', int(leased))
    if forgot and redis.call('HLEN', RUNS) == 0 then
        redis.call('UNLINK', SERVED)
    end
    if rings then
        redis.pcall(ARGV[1], ARGV[2], int(cursor))
    end
end
