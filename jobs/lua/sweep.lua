-- Bring more of a job's nodes in line with its state, at most SWEEP of them.
-- ARGV 1 now (µs, '' is Redis's)  2 job
-- Returns {'OK', 1 when more calls are needed}, also when nothing of the job is left.
-- any unfinished state -> cancelled     pending | cancelled -> ready     any state of a deleted job -> (nothing)
--include base rq fair settle erase

return { 'OK', sweep(job_of(ARGV[2]), clock_now(ARGV[1])) and 1 or 0 }
