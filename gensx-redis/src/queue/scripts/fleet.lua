-- Which workers live, and what deployments have: in the fleet's hash `d<LF>name` is "runs takers drainers", and
-- `w<LF>id` is 1 for a worker that drains or 0, and its deployment.

local RUNS_OF, TAKERS, DRAINERS = 1, 2, 3
local fleet = {}

local function deployment(name)
    local known = fleet[name]
    if not known then
        local text = redis.call('HGET', FLEET, 'd\n' .. name) or ''
        local runs, takers, drainers = string.match(text, '^(%d+) (%d+) (%d+)$')
        known = { tonumber(runs or 0), tonumber(takers or 0), tonumber(drainers or 0) }
        known.had_takers = known[TAKERS] > 0
        fleet[name] = known
    end
    return known
end

local function add_to(name, what, number)
    if name ~= '' then
        local known = deployment(name)
        known[what] = math.max(known[what] + number, 0)
        known.changed = true
    end
end

local function leave(worker)
    local said = redis.call('HGET', FLEET, 'w\n' .. worker)
    if said then
        local draining = string.sub(said, 1, 1) == '1'
        add_to(string.sub(said, 2), draining and DRAINERS or TAKERS, -1)
        redis.call('HDEL', FLEET, 'w\n' .. worker)
    end
    redis.call('ZREM', WORKERS, worker)
end

-- Forgets workers that were silent for too long. Whether there may be more.
local function forget_silent()
    local silent = redis.call('ZRANGEBYSCORE', WORKERS, '-inf', int(now), 'LIMIT', 0, MAX_DUE)
    for _, worker in ipairs(silent) do
        leave(worker)
    end
    return #silent == MAX_DUE
end

-- Writes what has changed. Whether runs may be for others now.
local function save_fleet()
    local moved = false
    for name, known in pairs(fleet) do
        if known.changed then
            moved = moved or known.had_takers and known[TAKERS] == 0
            if known[RUNS_OF] + known[TAKERS] + known[DRAINERS] == 0 then
                redis.call('HDEL', FLEET, 'd\n' .. name)
                redis.call('ZREM', DEPLOYMENTS, name)
            else
                local text = string.format('%d %d %d', known[RUNS_OF], known[TAKERS], known[DRAINERS])
                redis.call('HSET', FLEET, 'd\n' .. name, text)
                redis.call('ZADD', DEPLOYMENTS, 'NX', int(tick()), name)
            end
        end
    end
    return moved
end
