-- Bring more of a job's nodes in line with its state, at most SWEEP of them.
-- ARGV 1 now (µs, '' is Redis's)  2 job, or `type:<job type>`: tasks of a type that is paused no more
-- Returns {'OK', 1 when more calls are needed}, also when nothing is left.
-- any unfinished state -> cancelled     pending | cancelled -> ready     any state of a deleted job -> (nothing)
--include base rq fair lanes settle held erase

return { 'OK', sweep(ARGV[2], clock_now(ARGV[1])) and 1 or 0 }
