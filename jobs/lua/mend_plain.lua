-- Give a plain RQ job's run that has no lease one that ends now, and what is kept of one that does not run an expiry.
-- ARGV 1 now (µs, '' is Redis's)  2 its id  3 '1' only looks
-- Returns {'OK', 'lease' | 'expiry' for what was missing, else ''}. Repeated it changes nothing.
-- Draws no arrow.
--include base rq fair lanes settle plain

local now, id, only_look = clock_now(ARGV[1]), ARGV[2], ARGV[3] == '1'
local p = plain_of(id)
local member = p and '@' .. id .. ':' .. p.run
if p then
  if call('ZSCORE', k_leases(), member) then return { 'OK', '' } end
  if not only_look then call('ZADD', k_leases(), stamp(now), member) end
  return { 'OK', 'lease' }
end
if call('TTL', k_plain(id)) ~= -1 then return { 'OK', '' } end
if not only_look then call('EXPIRE', k_plain(id), PLAIN_TTL_S) end
return { 'OK', 'expiry' }
