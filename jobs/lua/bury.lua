-- Delete a key whose job is gone, unless it expires by itself.
-- ARGV 1 key  2 job
-- Returns {'OK', 1 when it was deleted}. Repeated it changes nothing.
-- Draws no arrow.
--include base

if call('EXISTS', k_job(ARGV[2])) == 1 or call('TTL', ARGV[1]) >= 0 then return { 'OK', 0 } end
return { 'OK', call('UNLINK', ARGV[1]) }
