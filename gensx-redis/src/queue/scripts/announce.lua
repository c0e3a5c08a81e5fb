-- Says that a worker lives, for so long.
--
-- ARGV: 3 the worker, 4 its deployment, 5 whether it drains 0|1, 6 for how long in ms; 0: it leaves
-- Answers {OK}.

local worker, name = ARGV[3], ARGV[4]
leave(worker)
if ARGV[6] ~= '0' then
    redis.call('ZADD', WORKERS, int(now_up + ARGV[6]), worker)
    redis.call('HSET', FLEET, 'w\n' .. worker, ARGV[5] .. name)
    add_to(name, ARGV[5] == '1' and DRAINERS or TAKERS, 1)
end
forget_silent()
finish()
return { 'OK' }
