-- Prolongs leases.
--
-- ARGV: 3 the lease in ms, 4.. leases: 1 if the stream exists or 0, 1 if it progressed or 0, the run, the worker and the number, joined with line feeds
-- Answers for each how often the run was woken, or -1 if the lease is not held.

local until_ms, answer = int(now_up + ARGV[3]), {}
for i = 4, #ARGV do
    local opened, progressed, run, worker, number = string.match(ARGV[i], '^([01])([01])\n([^\n]*)\n([^\n]*)\n(%d+)$')
    local r = run and load(run)
    if r and r.place == 'L' and r.worker == worker and r.number == number then
        redis.call('ZADD', AGENDA, until_ms, run)
        if opened == '1' then
            redis.call('HDEL', FIRST, run)
        end
        if progressed == '1' and r.claims > 1 then
            r.claims = 1
            redis.call('HSET', RUNS, run, encode(r))
        end
        answer[#answer + 1] = r.wakes
    else
        answer[#answer + 1] = -1
    end
end
return answer
