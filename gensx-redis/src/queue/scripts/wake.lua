-- Tells a run that there is something for it. It is counted wherever the run stands.
--
-- ARGV: 3 the run, 4 message | now
-- Answers {1}, or {0} for a run that is unknown or dead.

local run, at_once = ARGV[3], ARGV[4] == 'now'
local r = load(run)
if not r or r.place == 'X' then
    return { 0 }
end
r.wakes = r.wakes + 1
if at_once then
    r.urgent = r.wakes
end
changed[run] = true
if (r.place == 'P' and (at_once or r.on_message == '1')) or (r.place == 'D' and at_once) then
    depart(run, r)
    arrive(run, r, 'R')
end
finish()
return { 1 }
