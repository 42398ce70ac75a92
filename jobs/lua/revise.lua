-- Run tasks of a completed job again because its owner has corrected what they were made of, and what depends on them.
-- ARGV 1 now (µs, '' is Redis's)  2 job  3 tasks, with commas  4 the corrections (a key in storage), which is also the id of this call
--      5 the corrections that these were made of ('' is none)
-- Returns {'OK', 1 when more calls of sweep are needed}, also when repeated; {'REFUSED', what, its state}; {'MISSING'}.
-- of a completed job: completed | skipped -> ready | pending
--include base rq fair lanes settle redo

local now, job, names, corrections = clock_now(ARGV[1]), job_of(ARGV[2]), ARGV[3], ARGV[4]
if not job.status or job.status == 'deleted' then return { 'MISSING' } end
if call('HGET', k_job(job.id), 'corrections') == corrections then return { 'OK', 0 } end
if (call('HGET', k_job(job.id), 'corrections') or '') ~= ARGV[5] then return { 'REFUSED', 'job ' .. job.id, 'corrected meanwhile' } end
if job.status ~= 'completed' then return { 'REFUSED', 'job ' .. job.id, job.status } end
for name in names_in(names) do
  if call('HEXISTS', k_tasks(job.id), name) == 0 then return { 'MISSING' } end
end
local obstacle = run_again(names, job, now)
if obstacle then return { 'REFUSED', 'task ' .. job.id .. '.' .. obstacle, 'the first of too many to run again' } end
note(job, 'corrections', corrections)
touch(job)
return { 'OK', converge(job, now) and 1 or 0 }
