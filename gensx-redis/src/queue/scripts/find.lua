-- Where a run stands.
--
-- KEYS: 1 records, 2 agenda
-- ARGV: 1 the run
-- Answers {its record, when it is due or nothing}, or {}.

local record = redis.call('HGET', KEYS[1], ARGV[1])
return record and { record, redis.call('ZSCORE', KEYS[2], ARGV[1]) } or {}
