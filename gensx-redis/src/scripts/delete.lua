-- Removes a run's stream and inbox, and tells those who wait.
--
-- KEYS: 1 the stream, 2 the inbox
-- ARGV: 1 PUBLISH | SPUBLISH, 2 the channel

redis.call('UNLINK', KEYS[1], KEYS[2])
redis.pcall(ARGV[1], ARGV[2], 'gone')
return 'OK'
