-- Brings back what is due, then gives the first of the lanes in turns, each under a lease.
--
-- KEYS: 14 what the worker's last claim gave
-- ARGV: 3 the worker, 4 its deployment, 5 the lease in ms, 6 the most claims of a run, 7 the most runs,
--       8 what makes a repetition recognisable, 9 for how long in ms, 10.. workflow, prefer | pin | latest, ..
-- Answers {the cursor, in how many ms something is due or -1, then for each run: its name, workflow, lease number, claims,
-- exhausted 0|1, wakes, the deployment it moved from or '', its first event or nothing}.

local MAX_CLAIM, MAX_SERVED = 64, 1024
local worker, me, lease_ms = ARGV[3], ARGV[4], tonumber(ARGV[5])
local max_claims, most = tonumber(ARGV[6]), tonumber(ARGV[7])

local function bring_back()
    for _, run in ipairs(redis.call('ZRANGEBYSCORE', AGENDA, '-inf', int(now), 'LIMIT', 0, MAX_DUE)) do
        local limit = string.match(run, '^\n([^\n]*\n[^\n]*)')
        local r = not limit and load(run)
        if limit then
            redis.call('ZREM', AGENDA, run)
            admit_from(limit, string.sub(run, 2))
        elseif r and string.find('DPL', r.place, 1, true) then
            depart(run, r)
            arrive(run, r, 'R')
        else
            redis.call('ZREM', AGENDA, run)
        end
    end
end

local newest_taker
local function newest()
    if newest_taker == nil then
        newest_taker = false
        for _, name in ipairs(redis.call('ZRANGE', DEPLOYMENTS, 0, MAX_DEPLOYMENTS - 1, 'REV')) do
            if deployment(name)[TAKERS] > 0 then
                newest_taker = name
                break
            end
        end
    end
    return newest_taker
end

local function takes(policy, bound)
    if policy == 'latest' then
        return newest() == me
    end
    return bound == '' or bound == me or (policy == 'prefer' and deployment(bound)[TAKERS] == 0)
end

-- The first of a lane; nil when nobody is in it.
local function head(lane)
    local first = first_of(LANES, lane)
    local _, rank, place, run = parse(first or '')
    if rank then
        return { lane = lane, member = first, rank = tonumber(rank), place = tonumber(place), run = run }
    end
end

-- The first of each lane of a workflow that is for this worker.
local function heads_of(workflow, policy)
    local heads, from, to = {}, '[' .. workflow .. '\n', '(' .. workflow .. '\11'
    for _ = 1, MAX_DEPLOYMENTS + 1 do
        local first = redis.call('ZRANGEBYLEX', LANES, from, to, 'LIMIT', 0, 1)[1]
        local lane = first and parse(first)
        if not lane then
            return heads
        end
        if takes(policy, string.sub(lane, #workflow + 2)) then
            heads[#heads + 1] = head(lane)
        end
        from = '[' .. lane .. '\11'
    end
    -- There are more than a queue should have: its own lane, at least, is never passed over.
    if takes(policy, me) then
        heads[#heads + 1] = head(workflow .. '\n' .. me)
    end
    return heads
end

local function choose(wanted)
    wanted.best = nil
    for i, spot in pairs(wanted.heads) do
        local best = wanted.heads[wanted.best]
        if not best or spot.rank < best.rank or (spot.rank == best.rank and spot.place < best.place) then
            wanted.best = i
        end
    end
end

-- By priority, then the workflow that has waited longest, then the place.
local function goes_before(one, other)
    local a, b = one.heads[one.best], other.heads[other.best]
    if a.rank ~= b.rank then
        return a.rank < b.rank
    elseif one.served ~= other.served then
        return one.served < other.served
    end
    return a.place < b.place
end

local function full_gate(r)
    for i, limit in ipairs(r.limits) do
        if not has_room(limit) then
            return i
        end
    end
end

local answer, given = {}, {}

local function tell(run, r, moved)
    local exhausted = r.claims > max_claims and 1 or 0
    for _, part in ipairs({ run, r.workflow, r.number, r.claims, exhausted, r.wakes, moved,
        redis.call('HGET', FIRST, run) }) do
        answer[#answer + 1] = part
    end
    given[#given + 1] = run .. '\n' .. r.number .. '\n' .. moved .. '\n'
end

-- A claim whose answer was lost is sent again: it is answered the same, or the runs would wait for their leases' end.
local function tell_again(text)
    for run, number, moved in string.gmatch(text, '([^\n]*)\n(%d+)\n([^\n]*)\n') do
        local r = load(run)
        if r and r.place == 'L' and r.worker == worker and r.number == number then
            tell(run, r, moved)
        end
    end
end

-- In how many ms: never more than what was asked for, and 0 only for what is due already.
local function next_due()
    local due = tonumber(redis.call('ZRANGE', AGENDA, 0, 0, 'WITHSCORES')[2] or -1)
    if due < 0 then
        return -1
    end
    return due <= now and 0 or math.max(due - now_up, 1)
end

local told = redis.call('GET', KEYS[14])
if told and string.sub(told, 1, #ARGV[8] + 1) == ARGV[8] .. '\n' then
    tell_again(string.sub(told, #ARGV[8] + 2))
    return { cursor, next_due(), unpack(answer) }
end

local function grant(run, r)
    local moved = r.bound ~= me and r.bound or ''
    -- Before its turns are given up, so that nobody goes on whose limit is full now.
    take_room(r)
    unseat(run, r)
    add_to(r.bound, RUNS_OF, -1)
    add_to(me, RUNS_OF, 1)
    r.place, r.bound, r.claims, r.gate, r.spot = 'L', me, r.claims + 1, 0, 0
    r.worker, r.number = worker, int(tick())
    changed[run] = true
    leased = leased + 1
    redis.call('ZADD', AGENDA, int(now_up + lease_ms), run)
    tell(run, r, moved)
end

local more = forget_silent()
bring_back()
local workflows = {}
for i = 10, #ARGV, 2 do
    local wanted = { workflow = ARGV[i], heads = heads_of(ARGV[i], ARGV[i + 1]) }
    choose(wanted)
    if wanted.best then
        wanted.served = tonumber(redis.call('ZSCORE', SERVED, wanted.workflow) or 0)
        workflows[#workflows + 1] = wanted
    end
end

local passed_over = 0
while #given < math.min(most, MAX_CLAIM) and passed_over < MAX_CLAIM do
    local turn
    for _, wanted in ipairs(workflows) do
        if wanted.best and (not turn or goes_before(wanted, turn)) then
            turn = wanted
        end
    end
    if not turn then
        break
    end
    local spot = turn.heads[turn.best]
    local r = load(spot.run)
    local gate = r and full_gate(r)
    if not r then
        redis.call('ZREM', LANES, spot.member)
        passed_over = passed_over + 1
    elseif gate then
        retreat(spot.run, r, gate)
        passed_over = passed_over + 1
    else
        grant(spot.run, r)
        turn.served = tonumber(r.number)
        redis.call('ZADD', SERVED, r.number, turn.workflow)
    end
    -- Whoever comes through a gate now comes into the same lane.
    turn.heads[turn.best] = head(spot.lane)
    choose(turn)
end
if redis.call('ZCARD', SERVED) > MAX_SERVED then
    redis.call('ZREM', SERVED, redis.call('ZRANGE', SERVED, 0, 0)[1])
end

if #given > 0 then
    redis.call('SET', KEYS[14], ARGV[8] .. '\n' .. table.concat(given), 'PX', ARGV[9])
end
finish()
local due = (more or passed_over == MAX_CLAIM) and 0 or next_due()
return { cursor, due, unpack(answer) }
