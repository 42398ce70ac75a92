-- Pause or resume what claims may take from; effective before the next claim.
-- ARGV 1 now (µs, '' is Redis's)  2 queue | org | type  3 its name  4 '1' pauses, '0' resumes
-- Returns {'OK', 1 when that changed something, 1 when calls of sweep for `type:<name>` are needed}. Draws no arrow.
--include base rq fair lanes settle held

local now, kind, name, on = clock_now(ARGV[1]), ARGV[2], ARGV[3], ARGV[4] == '1'
local changed, more = call(on and 'SADD' or 'SREM', k_pauses(), kind .. ':' .. name), false
if not on then -- also when it was not paused: what an earlier call left undone
  if kind == 'queue' then ring(name)
  elseif kind == 'org' then unpark(name, now)
  else more = unhold(name, now) end
end
return { 'OK', changed, more and 1 or 0 }
