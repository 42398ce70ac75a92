-- Delete a job and all it left in Redis: unlisted in the first call, its tasks in calls of SWEEP.
-- ARGV 1 now (µs, '' is Redis's)  2 job
-- Returns {'OK', 1 when more calls are needed}; {'MISSING'} when nothing of it is left.
-- any state -> (nothing)
--include base rq fair lanes settle held erase

local now, job = clock_now(ARGV[1]), job_of(ARGV[2])
if not job.status then return { 'MISSING' } end
unlist(job)
return { 'OK', erase(job, now) and 1 or 0 }
