-- Take back what dead workers held: one worker's run, or every run whose lease has ended.
-- ARGV 1 now (µs, '' is Redis's)  2 worker ('' reaps ended leases)  3 run  4 reason (text)  5 the reason as RQ's results hold it
-- What the same claim took besides is given back unharmed: it was not at work, or what came of it was not recorded yet.
-- Returns {'OK', runs taken back}; {'STALE', state} when the worker claimed it but holds it no more, as when repeated.
-- running -> ready | failed | skipped     of a plain RQ job: running -> waiting
--include base rq fair lanes settle plain back lose

local now, worker, run, reason, exc = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if worker == '' then return { 'OK', reap(now) } end
local last, ids = string.match(call('GET', k_worker(worker)) or '', '^(%S+) (%S+)')
if last ~= claim_of(run) then return { 'OK', 0 } end -- it died before it had claimed anything, or after it had recorded
local plain = plain_named(ids)
if plain then return plain_lose(plain, run, now, reason) and { 'OK', 1 } or { 'STALE', 'ended' } end
local answer
give_back_others(ids, last, run, now, function(node)
  local r = run_of(node)
  if r.state == 'running' and r.run == run then
    lose(node, r, now, now, reason, exc)
    answer = { 'OK', 1 }
  else answer = { 'STALE', r.state } end
end)
return answer or { 'STALE', 'ended' }
