-- Fail a plain RQ job that RQ's own code cannot even read.
-- ARGV 1 now (µs, '' is Redis's)  2 worker  3 rq_job, with its @  4 run  5 the sentence why, as RQ's results hold it
-- Returns {'OK'}; {'STALE', 'ended'} when the run does not hold it.
-- running -> (nothing)
--include base rq fair lanes settle plain

local now, worker, id, run, exc = clock_now(ARGV[1]), ARGV[2], plain_named(ARGV[3]), ARGV[4], ARGV[5]
local p = plain_of(id)
if not p or p.run ~= run then return { 'STALE', 'ended' } end
rq_unshow_started({ id = id }, p.origin, run, worker)
rq_failed({ id = id }, p.origin, now, RETENTION_S, worker, exc)
plain_end(p, now, 1, '')
return { 'OK' }
