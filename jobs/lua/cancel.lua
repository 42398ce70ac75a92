-- Cancel a job: fenced in this step, its tasks in calls of SWEEP.
-- ARGV 1 now (µs, '' is Redis's)  2 job
-- Returns {'OK', 1 when more calls of sweep are needed}, also when it is cancelled already; {'REFUSED', status}; {'MISSING'}.
-- any unfinished state -> cancelled
--include base rq fair lanes settle

local now, job = clock_now(ARGV[1]), job_of(ARGV[2])
if not job.status or job.status == 'deleted' then return { 'MISSING' } end
if job.status ~= 'cancelled' then
  if not alive(job) then return { 'REFUSED', job.status } end
  finish_job(job, 'cancelled', now, '@cancel')
  touch(job)
end
return { 'OK', converge(job, now) and 1 or 0 }
