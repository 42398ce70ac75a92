-- A run of a plain RQ job is over: RQ's own code has committed what came of it, or could not.
-- ARGV 1 now (µs, '' is Redis's)  2 rq_job, with its @  3 run  4 why there may be no outcome (text)
-- Returns {'OK', 1 when there is none: it waits again, as after a lost run}; {'STALE', 'ended'} when the run does not hold it.
-- running -> (nothing) | waiting
--include base rq fair lanes settle plain

local now, id, run, reason = clock_now(ARGV[1]), plain_named(ARGV[2]), ARGV[3], ARGV[4]
local p = plain_of(id)
if not p or p.run ~= run then return { 'STALE', 'ended' } end
return { 'OK', plain_end(p, now, 1, reason) and 1 or 0 }
