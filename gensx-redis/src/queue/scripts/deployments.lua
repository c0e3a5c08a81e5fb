-- The deployments that have workers or runs, newest first.
--
-- Answers for each: its name, when it was first seen in microseconds since 1970, takers, drainers, runs.

forget_silent()
finish()
local answer, known = {}, redis.call('ZRANGE', DEPLOYMENTS, 0, MAX_DEPLOYMENTS - 1, 'REV', 'WITHSCORES')
for i = 1, #known, 2 do
    local its = deployment(known[i])
    for _, part in ipairs({ known[i], tonumber(known[i + 1]), its[TAKERS], its[DRAINERS], its[RUNS_OF] }) do
        answer[#answer + 1] = part
    end
end
return answer
