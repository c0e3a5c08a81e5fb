-- Lets go of a run, if the lease is held.
--
-- ARGV: 3 the run, 4 the worker, 5 the lease's number, 6 done | back | retry | park | dead, 7 whether the stream exists 0|1,
--       8 now | after | at | '', 9 ms, 10 whether a message makes it ready 0|1, 11 the wakes that the worker knew of
-- Answers {RELEASED}, {WOKEN} or {LOST}.

local run, how = ARGV[3], ARGV[6]
local r = load(run)
if not r or r.place ~= 'L' or r.worker ~= ARGV[4] or r.number ~= ARGV[5] then
    return { 'LOST' }
end

local function park()
    r.claims, r.on_message = 0, ARGV[10]
    local latest = ARGV[10] == '1' and r.wakes or r.urgent
    local due = later(ARGV[8], ARGV[9])
    if latest > tonumber(ARGV[11]) then
        arrive(run, r, 'R')
        return 'WOKEN'
    end
    -- Its time may have come already.
    arrive(run, r, (ARGV[8] ~= '' and not due) and 'R' or 'P', due)
    return 'RELEASED'
end

depart(run, r)
local answer = 'RELEASED'
if how == 'done' then
    forget(run)
elseif how == 'back' then
    r.claims = math.max(r.claims - 1, 0)
    arrive(run, r, 'R')
elseif how == 'retry' then
    local due = later(ARGV[8], ARGV[9])
    arrive(run, r, due and 'D' or 'R', due)
elseif how == 'park' then
    answer = park()
else
    arrive(run, r, 'X')
end
if ARGV[7] == '1' then
    redis.call('HDEL', FIRST, run)
end
finish()
return { answer }
