-- Lanes of ready runs, and the gates of limits before them; the rules are those of `MemoryQueue`.
--
-- A lane is a workflow and the deployment that its runs are bound to. A gate is a limit's name and key before one lane.
-- In the hash of limits, `name<LF>key` is how many runs hold a lease, and a gate is the run whose turn it is there.

-- Runs that were seated in a lane by this call, and stand there still.
local seated = {}

local function lane_of(r)
    return r.workflow .. '\n' .. r.bound
end

local function gate_of(r, i)
    return r.limits[i].id .. '\n' .. lane_of(r)
end

-- All that stand in one place, by priority and then by number.
local function member(place, r, number, run)
    return place .. '\n' .. string.format('%03d%016d', 127 - r.priority, number) .. run
end

local function parse(text)
    return string.match(text, '^(.*)\n(%d%d%d)(' .. string.rep('%d', 16) .. ')([^\n]*)$')
end

local function first_of(set, place)
    return redis.call('ZRANGEBYLEX', set, '[' .. place .. '\n', '(' .. place .. '\11', 'LIMIT', 0, 1)[1]
end

local function active(limit)
    return tonumber(redis.call('HGET', LIMITS, limit.id) or 0)
end

local function has_room(limit)
    return active(limit) < limit.max
end

local function sit_in_lane(run, r)
    r.gate, r.spot = 0, tick()
    redis.call('ZADD', LANES, 0, member(lane_of(r), r, r.spot, run))
    seated[run], changed[run] = true, true
end

local function sit_in_line(run, r, i)
    r.gate, r.spot = i, 0
    redis.call('ZADD', LINES, 0, member(gate_of(r, i), r, r.order, run))
    changed[run] = true
end

-- Takes a run from where it stands, and gives up the turns it has from gate number `from` on. How many turns it had.
local function stand_up(run, r, from)
    local had = r.gate - 1
    if r.gate == 0 then
        redis.call('ZREM', LANES, member(lane_of(r), r, r.spot, run))
        seated[run] = nil
        had = #r.limits
    else
        redis.call('ZREM', LINES, member(gate_of(r, r.gate), r, r.order, run))
    end
    for i = from, had do
        redis.call('HDEL', LIMITS, gate_of(r, i))
    end
    return had
end

local admit

-- Sends a run back into the line of one of its gates; what it held behind that is the next one's. The turn at the gate
-- itself is for whoever sent it back, or for the limit's next room. The last gate comes first: who stands there has passed
-- the earlier ones before those who come through them now.
local function retreat(run, r, gate)
    local had = stand_up(run, r, gate)
    sit_in_line(run, r, gate)
    for i = had, gate + 1, -1 do
        admit(gate_of(r, i))
    end
end

-- Tries to take the turn at a gate. A run of a higher priority takes it from one of a lower.
local function enters(run, r, i)
    if not has_room(r.limits[i]) then
        return false
    end
    local gate = gate_of(r, i)
    local holder = redis.call('HGET', LIMITS, gate)
    local other = holder and load(holder)
    if other then
        if other.priority >= r.priority then
            return false
        end
        for number, limit in ipairs(other.limits) do
            if limit.id == r.limits[i].id then
                retreat(holder, other, number)
                break
            end
        end
    end
    redis.call('HSET', LIMITS, gate, run)
    return true
end

-- Lets a run go on from a gate, as far as it comes.
local function advance(run, r, from)
    for i = from, #r.limits do
        if not enters(run, r, i) then
            return sit_in_line(run, r, i)
        end
    end
    sit_in_lane(run, r)
end

-- Lets the first of a line go on, if it is its turn and there is room.
admit = function(gate)
    local first = first_of(LINES, gate)
    if not first then
        return
    end
    local _, _, _, run = parse(first)
    local r = run and load(run)
    if not r then
        redis.call('ZREM', LINES, first)
        return
    end
    local holder = redis.call('HGET', LIMITS, gate)
    local other = holder and load(holder)
    if other and other.priority >= r.priority then
        return
    end
    local i = r.gate
    if has_room(r.limits[i]) then
        stand_up(run, r, i)
        advance(run, r, i)
    end
end

-- Lets one go on in each lane before a limit, from a place among its gates on. Those that are too many for one call are
-- left for the next claims, on the agenda: such an entry begins with a line feed, which no run's name does.
local function admit_from(limit, from)
    for _ = 1, MAX_DUE do
        local first = redis.call('ZRANGEBYLEX', LINES, '[' .. from, '(' .. limit .. '\11', 'LIMIT', 0, 1)[1]
        local gate = first and parse(first)
        if not gate then
            return
        end
        admit(gate)
        from = gate .. '\11'
    end
    redis.call('ZADD', AGENDA, 0, '\n' .. from)
end

local function take_room(r)
    for _, limit in ipairs(r.limits) do
        redis.call('HSET', LIMITS, limit.id, int(active(limit) + 1))
    end
end

-- All of it before anybody goes on: whoever does may need more than one.
local function give_room(r)
    for _, limit in ipairs(r.limits) do
        local left = active(limit) - 1
        if left > 0 then
            redis.call('HSET', LIMITS, limit.id, int(left))
        else
            redis.call('HDEL', LIMITS, limit.id)
        end
    end
    for i = #r.limits, 1, -1 do
        admit_from(r.limits[i].id, r.limits[i].id .. '\n')
    end
end

local function seat(run, r)
    redis.call('ZADD', READY, int(r.since), run)
    advance(run, r, 1)
end

local function unseat(run, r)
    local had = stand_up(run, r, 1)
    redis.call('ZREM', READY, run)
    for i = had, 1, -1 do
        admit(gate_of(r, i))
    end
end
