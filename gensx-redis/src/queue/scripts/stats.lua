-- How the queue stands.
--
-- Answers {ready, held, delayed, parked, leased, dead, since when in ms the oldest is ready or -1}.

local ready, held = redis.call('ZCARD', LANES), redis.call('ZCARD', LINES)
local dead, all = redis.call('ZCARD', DEAD), redis.call('HLEN', RUNS)
local oldest = redis.call('ZRANGE', READY, 0, 0, 'WITHSCORES')[2]
local age = oldest and math.max(now - tonumber(oldest), 0) or -1
return { ready, held, all - ready - held - parked - leased - dead, parked, leased, dead, age }
