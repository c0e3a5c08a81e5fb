-- Forgets a run that no worker has.
--
-- ARGV: 3 the run
-- Answers {REMOVED}, {LEASED} or {UNKNOWN}.

local run = ARGV[3]
local r = load(run)
if not r then
    return { 'UNKNOWN' }
elseif r.place == 'L' then
    return { 'LEASED' }
end
depart(run, r)
forget(run)
finish()
return { 'REMOVED' }
