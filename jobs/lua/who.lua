-- Know whom a token stands for, and count a request of theirs, in one round trip; once a minute, note that the token was used.
-- ARGV 1 the token's digest  2 now (µs, '' is Redis's)  3 requests that a user may make a minute, '' when this is none
-- Returns {'OK', user, organisation, role, created (s), and where it was counted {limit, left, µs until all are free}} | {'NOBODY'}
-- | {'LIMITED', user, 'requests', limit, limit, µs until one is free, µs until all are}. Draws no arrow.
--include base people limits

local who = person_of(ARGV[1], clock_now(ARGV[2]))
if not who then return { 'NOBODY' } end
local refused = ARGV[3] ~= '' and who[3] ~= 'admin' and count_request(who, ARGV[3], clock_now(ARGV[2]))
if refused then return refused end
return { 'OK', unpack(who) }
