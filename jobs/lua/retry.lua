-- Retry a job, a task or a child: what failed, and what was cancelled because of it, nothing else.
-- ARGV 1 now (µs, '' is Redis's)  2 job  3 task or task.n ('' is whatever ended the job)  4 id of this call
-- Returns {'OK', 1 when more calls of sweep are needed}, also when repeated; {'REFUSED', what, its state}; {'MISSING'}.
-- failed | cancelled -> ready | pending | joining     of a completed job: skipped, and completed that depend on it -> ready | pending
--include base rq fair lanes settle redo

local now, job, name, call_id = clock_now(ARGV[1]), job_of(ARGV[2]), ARGV[3], ARGV[4]
if job.status and call('HGET', k_job(job.id), 'retried') == call_id then return { 'OK', 0 } end
local refused, more = redo(job, name, now)
if refused then return refused end
call('HSET', k_job(job.id), 'retried', call_id)
return { 'OK', more and 1 or 0 }
